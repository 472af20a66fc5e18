/**
 * Reproduces a row of results: trains with each seed, measures on the held-out part, and prints the mean.
 *
 *     node --import tsx bench/results.ts ROW TEXT [SEEDS] [FLAG …]
 *
 * Runs go to results/ROW/seed-N. An interrupted one is resumed, and a finished one is not repeated: so the program may be stopped at any time.
 * A run that was made with another text, other flags or another commit is an error.
 * Without ROW, it lists the rows. SEEDS: separated by commas, default 1,2,3. The flags are added to those of the row: --threads 1.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../src/checkpoint/checkpoint.ts';
import { parameterCount } from '../src/engine/layout.ts';
import { readCheckpointFile } from '../src/formats/read.node.ts';
import { layoutOf } from '../src/model/config.ts';
import { flopsPerSymbol } from '../src/train/preset/preset.ts';
import { claimFolder, provenanceOf } from './provenance.ts';

/** The last tenth of the text is held out, as in nanoGPT. */
const TAIL = ['--split', 'tail', '--train-frac', '0.9', '--val-frac', '0.1'];
const RECIPE = [
  ...['--batch-size', '32', '--seq-length', '80', '--random-offset', '--init', 'scaled'],
  ...['--optimizer', 'adam', '--adam-beta2', '0.99', '--schedule', 'cosine', '--warmup', '0.02'],
  ...['--clip-mean-norm', '1', '--dropout-mask', 'sequence'],
];
const LSTM_512 = [
  ...RECIPE,
  ...['--rnn-size', '512', '--learning-rate', '0.0044', '--max-epochs', '32', '--eval-every', '780'],
  ...['--dropout', '0.5', '--weight-drop', '0.3', '--token-dropout', '0.05'],
];

/**
 * A recipe for 200,000 characters, and the same with one ingredient less or more. Shakespeare's text for it, of 200,770 and 111,540 characters:
 *
 *     head -c 1003854 input.txt | tail -c 200770 > small.txt; tail -c 111540 input.txt > tail.txt
 *     node --import tsx bench/results.ts small small.txt 1,2,3 --valid tail.txt
 */
const SMALL = [
  ...['--rnn-size', '160', '--batch-size', '32', '--seq-length', '64', '--random-offset', '--init', 'scaled'],
  ...['--optimizer', 'adam', '--adam-beta2', '0.99', '--learning-rate', '0.006', '--clip-mean-norm', '1'],
  ...['--schedule', 'cosine', '--warmup', '0.02', '--max-epochs', '20', '--eval-every', '98'],
  ...['--dropout-mask', 'sequence', '--dropout', '0.2'],
];

/** The flags of each row. Those without TAIL have the split of the original: the end of each row of the batch is held out. */
const ROWS: Readonly<Record<string, readonly string[]>> = {
  'lstm-384': [
    ...TAIL,
    ...RECIPE,
    ...['--rnn-size', '384', '--learning-rate', '0.005', '--max-epochs', '12', '--eval-every', '390'],
    ...['--dropout', '0.35', '--weight-drop', '0.2'],
  ],
  'lstm-512': [...TAIL, ...LSTM_512],
  'lstm-512-rows': LSTM_512,
  'ten-minutes': [...TAIL, '--preset', 'balanced', '--time', '10m'],
  // What --time 10m chooses where ten minutes are 1.3e14 floating-point operations: two cores of a Zen 4.
  'lstm-224': [
    ...TAIL,
    ...RECIPE,
    ...['--rnn-size', '224', '--batch-size', '64', '--learning-rate', '0.0094', '--max-epochs', '33'],
    ...['--eval-every', '324', '--dropout', '0.22', '--weight-drop', '0.12', '--token-dropout', '0.05'],
  ],
  small: SMALL,
  'small, --init original': [...SMALL, '--init', 'original'],
  'small, --adam-beta2 0.999': [...SMALL, '--adam-beta2', '0.999'],
  'small, --random-offset false': [...SMALL, '--random-offset', 'false'],
  'small, --dropout-mask step': [...SMALL, '--dropout-mask', 'step'],
  'small, --dropout 0': [...SMALL, '--dropout', '0'],
  'small, --weight-drop 0.2': [...SMALL, '--weight-drop', '0.2'],
  'small, --token-dropout 0.1': [...SMALL, '--token-dropout', '0.1'],
  'small, --weight-decay 0.05': [...SMALL, '--weight-decay', '0.05'],
  'small, --average ema': [...SMALL, '--average', 'ema'],
  'small, --state-reset 0.01': [...SMALL, '--state-reset', '0.01'],
  'small, --batch-size 16': [...SMALL, '--batch-size', '16'],
  'small, gru': [...SMALL, '--model', 'gru', '--gru-reset', 'after'],
  'small, original settings': ['--rnn-size', '160', '--max-epochs', '20', '--eval-every', '80'],
  original: ['--rnn-size', '128', '--num-layers', '2'],
};

interface Result {
  readonly seed: number;
  /** Validation losses in nats per symbol, and the epochs of the two models. */
  readonly best: number;
  readonly bestEpoch: number;
  readonly last: number;
  readonly lastEpoch: number;
  readonly parameters: number;
  readonly flops: number;
  /** Seconds of this program's training, without those before an interruption. */
  readonly seconds: number;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const [row = '', text = '', seeds = '1,2,3', ...moreFlags] = process.argv.slice(2);
const flags = ROWS[row];
if (!flags || !existsSync(text)) {
  console.error(
    `node --import tsx bench/results.ts ROW TEXT [SEEDS] [FLAG …]\nrows: ${Object.keys(ROWS).join(', ')}`,
  );
  process.exit(2);
}

const allFlags = [...flags, ...moreFlags];
const made = provenanceOf(text, allFlags);
const results: Result[] = [];
for (const seed of seeds.split(',')) results.push(await resultOf(Number(seed)));
const mean = (of: (result: Result) => number) =>
  results.reduce((sum, one) => sum + of(one), 0) / results.length;
const spread = (of: (result: Result) => number) =>
  Math.sqrt(
    results.reduce((sum, one) => sum + (of(one) - mean(of)) ** 2, 0) / Math.max(1, results.length - 1),
  );
const figure = (of: (result: Result) => number) => `${mean(of).toFixed(4)} ± ${spread(of).toFixed(4)}`;
console.log(`char-rnn train ${[text, ...allFlags].join(' ')} --seed ${seeds}`);
console.log(`commit ${made.commit}, SHA-256 of the text ${made.text}`);
console.log(`${cpus()[0]?.model}, ${cpus().length} processors`);
console.log(
  `best ${figure(({ best }) => best)} at epoch ${mean(({ bestEpoch }) => bestEpoch).toFixed(1)}; last ${figure(({ last }) => last)}; ` +
    `${results[0]?.parameters} parameters; ${mean(({ flops }) => flops).toExponential(1)} FLOP; ${Math.round(mean(({ seconds }) => seconds))} s`,
);

/** The result of a seed: from its file, or by a training to its end. */
async function resultOf(seed: number): Promise<Result> {
  const folder = join('results', row, `seed-${seed}`);
  const file = join(folder, 'result.json');
  claimFolder(folder, made);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const checkpoints = join(folder, 'cv');
  const isResumed = existsSync(join(checkpoints, 'last.safetensors'));
  const words = isResumed
    ? ['--resume', checkpoints, ...moreFlags]
    : [
        ...[text, ...allFlags],
        ...[
          '--seed',
          String(seed),
          '--checkpoint-dir',
          checkpoints,
          '--keep',
          '1',
          '--checkpoint-every',
          '10m',
        ],
      ];
  const begun = performance.now();
  const program = join(root, 'dist', 'cli', 'main.js');
  const { status } = spawnSync(process.execPath, [program, 'train', ...words, '--print-every', '100'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
  const seconds = (performance.now() - begun) / 1000;
  const last = await readCheckpointFile(join(checkpoints, 'last.safetensors'));
  const result = { seed, seconds, ...figuresOf(last) };
  writeFileSync(file, JSON.stringify(result));
  return result;
}

/** The losses of a run, from its last checkpoint. */
function figuresOf({ config, training }: Checkpoint): Omit<Result, 'seed' | 'seconds'> {
  if (!training) throw new TypeError('the checkpoint has no training state');
  const { epoch, iteration, options, validationLosses } = training;
  const values = [...validationLosses.values];
  const best = Math.min(...values);
  const bestIteration = validationLosses.iterations[values.indexOf(best)] as number;
  const { batchSize, sequenceLength, accumulate } = options as Record<string, number>;
  const symbols = iteration * (batchSize as number) * (sequenceLength as number) * (accumulate as number);
  return {
    best,
    bestEpoch: (epoch * bestIteration) / iteration,
    last: values.at(-1) as number,
    lastEpoch: epoch,
    parameters: parameterCount(layoutOf(config)),
    flops: symbols * flopsPerSymbol(config),
  };
}
