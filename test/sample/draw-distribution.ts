/** Draws many tokens with each control, and tests their distribution against the naive implementation. */
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { type ControlOptions, controlsSchema, resolveControls } from '../../src/sample/choice/controls.ts';
import { TokenChooser } from '../../src/sample/choice/token-chooser.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { chiSquareP } from './chi-square.ts';
import { naiveFilters } from './filtered-probabilities.ts';

const symbols = [...'abcdefghijklmnopqrstuvwxyz'];
export const letters = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });

/** Controls by their names in a report. */
export const CASES: Readonly<Record<string, Partial<ControlOptions>>> = {
  'temperature 1': {},
  'temperature 0.6': { temperature: 0.6 },
  'temperature 1.7': { temperature: 1.7 },
  'top-k 7': { topK: 7 },
  'top-p 0.8': { topP: 0.8 },
  'min-p 0.1': { minP: 0.1 },
  'typical-p 0.7': { typicalP: 0.7 },
  'temperature range 0.5': { temperatureRange: 0.5 },
  'banned characters': { ban: 'abcxyz' },
  'allowed characters': { only: 'aeiou' },
  bias: { bias: { e: -2, x: 1.5 } },
  'repetition penalty 1.5 over 8': { repetitionPenalty: 1.5, penaltyWindow: 8 },
  'presence penalty 1 over 8': { presencePenalty: 1, penaltyWindow: 8 },
  'frequency penalty 0.5 over 8': { frequencyPenalty: 0.5, penaltyWindow: 8 },
  'mirostat 2.5 bits': { mirostat: 2.5 },
  'all at once': {
    temperature: 0.9,
    topK: 15,
    topP: 0.95,
    minP: 0.02,
    typicalP: 0.95,
    mirostat: 3,
    temperatureRange: 0.3,
    repetitionPenalty: 1.2,
    presencePenalty: 0.2,
    frequencyPenalty: 0.1,
    penaltyWindow: 10,
    ban: 'qz',
    bias: 'e=0.5',
  },
};

/** Rows to draw from in turn: a certain prediction, a less certain one, a uniform one. */
const ROWS = [3, 1.5, 0.3].map((spread, seed) => {
  const random = new MersenneTwister(seed);
  const logits = symbols.map(() => spread * 2 * (random.nextUniform() + random.nextUniform() - 1));
  const normalizer = Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0));
  return logits.map((value) => value - normalizer);
});

const BINS = 60;

/**
 * The p-value of `draws` draws, for any controls.
 *
 * If earlier tokens change the probabilities, or if there are several rows, counts of tokens have no simple distribution. So each draw is
 * turned into a number that is uniform whatever came before, provided that the probabilities are right: a random point in the token's
 * interval of the cumulative probabilities. The test counts these numbers in cells.
 */
export function drawDistributionP(controls: Partial<ControlOptions>, draws: number, seed: number): number {
  const options = controlsSchema.parse(controls);
  const resolved = resolveControls(letters, options);
  const chooser = new TokenChooser(resolved, new MersenneTwister(seed));
  const naive = naiveFilters(options, [...(resolved.logitBias ?? symbols.map(() => 0))]);
  const places = new MersenneTwister(seed + 1);
  const bins = new Int32Array(BINS);
  const rows = ROWS.map((row) => Float64Array.from(row));
  for (let i = 0; i < draws; i++) {
    const at = i % ROWS.length;
    const expected = naive.probabilities(ROWS[at] as number[]);
    const token = chooser.choose(rows[at] as Float64Array);
    if ((expected[token] as number) === 0) return 0;
    const below = expected.slice(0, token).reduce((sum, p) => sum + p, 0);
    const place = below + places.nextUniform() * (expected[token] as number);
    const bin = Math.min(BINS - 1, Math.floor(place * BINS));
    bins[bin] = (bins[bin] as number) + 1;
    naive.draw(token);
  }
  return chiSquareP(bins, new Float64Array(BINS).fill(draws / BINS));
}

/** The p-value of `draws` draws from one row, by counts of tokens; for controls that do not depend on earlier tokens. */
export function tokenCountsP(controls: Partial<ControlOptions>, draws: number, seed: number): number {
  const options = controlsSchema.parse(controls);
  const resolved = resolveControls(letters, options);
  const chooser = new TokenChooser(resolved, new MersenneTwister(seed));
  const naive = naiveFilters(options, [...(resolved.logitBias ?? symbols.map(() => 0))]);
  const row = ROWS[1] as number[];
  const values = Float64Array.from(row);
  const counts = new Int32Array(symbols.length);
  for (let i = 0; i < draws; i++) {
    const token = chooser.choose(values);
    counts[token] = (counts[token] as number) + 1;
  }
  return chiSquareP(
    counts,
    naive.probabilities(row).map((p) => p * draws),
  );
}

/** Whether the probabilities do not depend on earlier tokens. */
export function isMemoryless(controls: Partial<ControlOptions>): boolean {
  const { mirostat, repetitionPenalty, presencePenalty, frequencyPenalty } = controls;
  return !(mirostat || repetitionPenalty || presencePenalty || frequencyPenalty);
}
