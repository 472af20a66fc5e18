/**
 * Measures the cost of a checkpoint every 10 iterations, for a model of 512×2.
 *
 *     node --import tsx bench/checkpoint-cost.ts [units] [blocks] [folder]
 *
 * Two training runs, one with checkpoints and one without, alternate in turns of 10 iterations. A save begins in the middle of a turn, so that
 * the turn includes the time to write it to disk. Each turn is compared with the other run's previous turn. The result is the median ratio.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TrainingEvent, train } from '../src/index.ts';
import { MersenneTwister } from '../src/util/mersenne-twister.ts';
import { median } from './figures.ts';

const [units = 512, blocks = 9] = process.argv.slice(2, 4).map(Number);
const folder = mkdtempSync(join(process.argv[4] ?? tmpdir(), 'char-rnn-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const EVERY = 10;
const random = new MersenneTwister(1);
const text = Array.from({ length: 400_000 }, () =>
  String.fromCharCode(0x21 + Math.floor(65 * random.nextUniform())),
).join('');
const options = { text, hiddenSize: units, layers: 2, maxIterations: EVERY * (blocks + 2) };

type Training = AsyncGenerator<TrainingEvent, void, void>;

/** Runs some iterations. Returns the milliseconds per iteration. */
async function take(training: Training, iterations: number): Promise<number> {
  const began = performance.now();
  for (let made = 0; made < iterations; ) {
    const { value } = await training.next();
    if (value?.type === 'iteration') made++;
  }
  return (performance.now() - began) / iterations;
}

const plain = train(options);
const saving = train({ ...options, checkpointDir: folder, checkpointEvery: `${EVERY}` });
const turns: { readonly without: number; readonly with: number }[] = [];
for (const training of [plain, saving]) await take(training, EVERY / 2);
for (let block = 0; block < blocks; block++) {
  turns.push({ without: await take(plain, EVERY), with: await take(saving, EVERY) });
}
const sizes = readdirSync(folder)
  .filter((name) => name.startsWith('lm_'))
  .map((name) => statSync(join(folder, name)).size);
console.log(
  JSON.stringify({
    units,
    checkpointMegabytes: Math.max(...sizes) / 1e6,
    millisecondsWithout: median(turns.map((turn) => turn.without)),
    millisecondsWith: median(turns.map((turn) => turn.with)),
    slowerBy: median(turns.map((turn) => turn.with / turn.without - 1)),
    turns,
  }),
);
for (const training of [plain, saving]) await training.return();
