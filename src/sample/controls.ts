/** What decides which token is drawn: the options, and the same resolved over a vocabulary. docs/sampling.md has the order. */
import * as z from 'zod/mini';
import { segment } from '../data/tokenizer.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import type { DrawControls, Engine } from '../engine/engine.ts';
import { OptionError } from '../errors.ts';
import { count, fraction, option } from '../util/option-info.ts';

/** A number from above 0 to 1. */
const share = () => z.number().check(z.gt(0), z.maximum(1));
/** Added to a log-probability. Far beyond what matters, and far from what a double can't add. */
const amount = () => z.number().check(z.minimum(-1000), z.maximum(1000));

const BIAS_EXPECTED = 'characters with a number from -1000 to 1000 each, such as e=-2,x=1.5';

/** The options of the controls; a part of every schema of sampling options. */
export const controlOptions = {
  temperature: option(z._default(z.number().check(z.minimum(0)), 1), {
    flag: 'temperature',
    aliases: ['temp'],
    group: 'Sampling',
    help: 'below 1 safer, above 1 more daring; 0: the likeliest',
    original: true,
    common: true,
  }),
  topK: option(z._default(count(0), 0), {
    flag: 'top_k',
    group: 'Choice',
    help: 'keep the N most likely symbols; 0: all',
  }),
  topP: option(z._default(share(), 1), {
    flag: 'top_p',
    group: 'Choice',
    help: 'keep the likeliest, up to this total probability',
    common: true,
  }),
  minP: option(z._default(fraction(), 0), {
    flag: 'min_p',
    group: 'Choice',
    help: 'drop symbols below this fraction of the highest',
  }),
  typicalP: option(z._default(share(), 1), {
    flag: 'typical_p',
    group: 'Choice',
    help: 'keep the most typical, up to this total probability',
  }),
  mirostat: option(z._default(z.number().check(z.minimum(0)), 0), {
    flag: 'mirostat',
    group: 'Choice',
    help: 'keep the average surprise of a symbol near X bits; 0: off',
  }),
  mirostatRate: option(z._default(share(), 0.1), {
    flag: 'mirostat_rate',
    group: 'Choice',
    help: 'how fast mirostat corrects itself',
  }),
  temperatureRange: option(z._default(z.number().check(z.minimum(0)), 0), {
    flag: 'temperature_range',
    group: 'Choice',
    help: 'X colder if the model is certain, X hotter if it is not',
  }),
  repetitionPenalty: option(z._default(z.number().check(z.gt(0), z.maximum(1000)), 1), {
    flag: 'repetition_penalty',
    group: 'Choice',
    help: 'multiplies the log-probability of recent symbols',
  }),
  presencePenalty: option(z._default(amount(), 0), {
    flag: 'presence_penalty',
    group: 'Choice',
    help: 'subtracted from the log-probability of recent symbols',
  }),
  frequencyPenalty: option(z._default(amount(), 0), {
    flag: 'frequency_penalty',
    group: 'Choice',
    help: 'subtracted once for each recent occurrence of a symbol',
  }),
  penaltyWindow: option(z._default(z.int().check(z.minimum(0), z.maximum(1_000_000)), 64), {
    flag: 'penalty_window',
    group: 'Choice',
    help: 'how many symbols count as recent; 0: the whole sample',
  }),
  ban: option(z._default(z.string(), ''), {
    flag: 'ban',
    escapes: true,
    group: 'Choice',
    help: 'characters that are never drawn',
    value: 'CHARS',
  }),
  only: option(z._default(z.string(), ''), {
    flag: 'only',
    escapes: true,
    group: 'Choice',
    help: 'the only characters that may be drawn',
    value: 'CHARS',
  }),
  bias: option(z._default(z.union([z.string(), z.record(z.string(), amount())]), ''), {
    flag: 'bias',
    escapes: true,
    group: 'Choice',
    help: "added to characters' log-probabilities: e=-2,x=1.5",
    value: 'C=X,…',
    expected: BIAS_EXPECTED,
  }),
};

export const controlsSchema = z.strictObject(controlOptions);
export type ControlOptions = z.output<typeof controlsSchema>;

/** The controls over a vocabulary. They are the same for all streams that share them. */
export interface Controls extends Omit<ControlOptions, 'ban' | 'only' | 'bias'> {
  readonly vocabularySize: number;
  /** [V], added to the log-probabilities; −∞ for a token that is never drawn. Absent where it would be zero. */
  readonly shift: Float64Array | undefined;
  /** Whether any penalty is on. */
  readonly penalizes: boolean;
}

/** Whether the engine's `generate` can draw by these controls, many steps at a time. */
export function canDraw(engine: Engine, controls: Controls): boolean {
  const { typicalP, mirostat, temperatureRange, temperature, topK, topP, minP, shift } = controls;
  if (typicalP < 1 || mirostat > 0 || temperatureRange > 0) return false;
  const { drawControls } = engine.description.capabilities;
  const active: Record<keyof DrawControls, boolean> = {
    temperature: temperature !== 1,
    topK: topK > 0,
    topP: topP < 1,
    minP: minP > 0,
    shift: shift !== undefined,
    repetitionPenalty: controls.repetitionPenalty !== 1,
    presencePenalty: controls.presencePenalty !== 0,
    frequencyPenalty: controls.frequencyPenalty !== 0,
  };
  const names = Object.keys(active) as (keyof DrawControls)[];
  return names.every((name) => !active[name] || drawControls.has(name));
}

/**
 * The controls over a vocabulary.
 *
 * @throws {OptionError} where they contradict each other, or leave nothing to draw
 */
export function resolveControls(vocabulary: Vocabulary, options: ControlOptions): Controls {
  const { ban, only, bias } = options;
  const { temperature, temperatureRange, topK, topP, minP, typicalP, mirostat, mirostatRate } = options;
  const { repetitionPenalty, presencePenalty, frequencyPenalty, penaltyWindow } = options;
  if (temperatureRange > temperature) {
    throw new OptionError(
      'temperatureRange',
      `got ${temperatureRange}, expected a number of at most the temperature, ${temperature}`,
    );
  }
  const isShifted = ban !== '' || only !== '' || Object.keys(bias).length > 0;
  const penalizes = repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
  return {
    ...{ temperature, temperatureRange, topK, topP, minP, typicalP, mirostat, mirostatRate },
    ...{ repetitionPenalty, presencePenalty, frequencyPenalty, penaltyWindow },
    vocabularySize: vocabulary.size,
    shift: isShifted || vocabulary.hasUnknown ? shiftOf(vocabulary, ban, only, bias) : undefined,
    penalizes,
  };
}

/** Characters that are banned or allowed and that the model does not have, in a line for each option. */
export function controlNotices(
  vocabulary: Vocabulary,
  { ban, only }: Pick<ControlOptions, 'ban' | 'only'>,
): string[] {
  const missing = (option: string, characters: string) =>
    [...new Set(symbolsOf(vocabulary, option, characters))]
      .filter((symbol) => vocabulary.tokenOf(symbol) === undefined)
      .map((symbol) => JSON.stringify(symbol))
      .join(', ');
  const [banned, allowed] = [missing('ban', ban), missing('only', only)];
  return [
    ...(banned ? [`the model does not know ${banned}, so banning it has no effect`] : []),
    ...(allowed ? [`the model does not know ${allowed}, and can't draw it`] : []),
  ];
}

function shiftOf(
  vocabulary: Vocabulary,
  ban: string,
  only: string,
  bias: ControlOptions['bias'],
): Float64Array {
  const shift = new Float64Array(vocabulary.size);
  for (const [symbol, value] of biasEntries(vocabulary, bias)) {
    const token = vocabulary.tokenOf(symbol);
    if (token === undefined) {
      throw new OptionError('bias', `${JSON.stringify(symbol)} is not in the model's vocabulary`);
    }
    shift[token] = value;
  }
  if (only !== '') {
    const allowed = new Set(symbolsOf(vocabulary, 'only', only));
    vocabulary.symbols.forEach((symbol, token) => {
      if (!allowed.has(symbol)) shift[token] = Number.NEGATIVE_INFINITY;
    });
  }
  for (const symbol of symbolsOf(vocabulary, 'ban', ban)) {
    const token = vocabulary.tokenOf(symbol);
    if (token !== undefined) shift[token] = Number.NEGATIVE_INFINITY;
  }
  if (vocabulary.unknownToken !== undefined) shift[vocabulary.unknownToken] = Number.NEGATIVE_INFINITY;
  if (shift.every((value) => value === Number.NEGATIVE_INFINITY)) {
    throw new OptionError(only === '' ? 'ban' : 'only', "it leaves none of the model's characters to draw");
  }
  return shift;
}

/**
 * The symbols that an option's characters are to the model.
 *
 * @throws {OptionError} for a character that a model over bytes draws byte by byte: to ban or allow each of its bytes would ban or
 *   allow parts of other characters
 */
function symbolsOf(vocabulary: Vocabulary, option: string, characters: string): string[] {
  const { kind } = vocabulary;
  const several = kind === 'byte' ? /[^\0-\x7f]/u.exec(characters) : null;
  if (several) {
    throw new OptionError(
      option,
      `got ${JSON.stringify(several[0])}, which is several bytes to this model: it draws bytes one by one. Expected ASCII characters`,
    );
  }
  return [...segment(vocabulary.normalized(characters), kind)];
}

/** One character, =, a number: so that even `,=-1` and `==2` can be told apart. */
const BIAS = /(.+?)=([+-]?(?:\d+\.?\d*|\.\d+))(?:,|$)/suy;

/** Additions by symbol. The keys of an object name symbols as the vocabulary does: a byte is U+0000–U+00FF. */
function biasEntries(vocabulary: Vocabulary, bias: ControlOptions['bias']): [string, number][] {
  if (typeof bias !== 'string') {
    if (vocabulary.kind === 'byte') return Object.entries(bias);
    return Object.entries(bias).map(([name, value]) => [symbolsOf(vocabulary, 'bias', name).join(''), value]);
  }
  const entries: [string, number][] = [];
  BIAS.lastIndex = 0;
  while (BIAS.lastIndex < bias.length) {
    const at = BIAS.lastIndex;
    const found = BIAS.exec(bias);
    if (!found || Math.abs(Number(found[2])) > 1000) {
      throw new OptionError('bias', `got ${JSON.stringify(bias.slice(at))}, expected ${BIAS_EXPECTED}`);
    }
    const symbols = symbolsOf(vocabulary, 'bias', found[1] as string);
    entries.push([symbols.join(''), Number(found[2])]);
  }
  return entries;
}
