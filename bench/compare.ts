/**
 * Compares training with PyTorch on this machine: `npm run bench`, for all rows or those with the given names.
 *
 * Each row alternates between this program and PyTorch (the better of one and two threads) within one run, and compares the medians of all
 * rounds. "of the peak" is the rate of the best iteration divided by the machine's peak in float32, which is measured right after it. Without
 * PyTorch, or without a compiler for the peak, those columns stay empty.
 *
 * PyTorch is that of Debian's python3, or of the Python that BENCH_PYTHON names, such as one in a virtual environment with a newer wheel.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Timing {
  readonly median: number;
  readonly best: number;
  readonly wall: number;
  readonly flops?: number;
  readonly engine?: string;
}

interface Row {
  readonly name: string;
  readonly task: 'train' | 'evaluate';
  /** [cell, units, layers, steps] */
  readonly shape: readonly [string, number, number, number];
  readonly engine?: string;
  readonly seconds?: number;
  readonly compute?: 'bfloat16';
}

const ROWS: readonly Row[] = [
  { name: 'LSTM 128×2', task: 'train', shape: ['lstm', 128, 2, 50] },
  { name: 'LSTM 256×2', task: 'train', shape: ['lstm', 256, 2, 50] },
  { name: 'LSTM 512×2', task: 'train', shape: ['lstm', 512, 2, 50], seconds: 5 },
  { name: 'LSTM 700×3, 100 steps', task: 'train', shape: ['lstm', 700, 3, 100], seconds: 10 },
  { name: 'LSTM 128×2, bfloat16', task: 'train', shape: ['lstm', 128, 2, 50], compute: 'bfloat16' },
  {
    name: 'LSTM 512×2, bfloat16',
    task: 'train',
    shape: ['lstm', 512, 2, 50],
    compute: 'bfloat16',
    seconds: 5,
  },
  { name: 'GRU 128×2', task: 'train', shape: ['gru', 128, 2, 50] },
  { name: 'RNN 128×2', task: 'train', shape: ['rnn', 128, 2, 50] },
  { name: 'LSTM 128×2, evaluation', task: 'evaluate', shape: ['lstm', 128, 2, 50] },
  { name: 'LSTM 128×2, WebAssembly', task: 'train', shape: ['lstm', 128, 2, 50], engine: 'wasm' },
];
const SAMPLING: readonly (readonly [string, number])[] = [
  ['sampling 128×2, one sequence', 1],
  ['sampling 128×2, 64 sequences', 64],
];
const ROUNDS = 3;
const PYTHON = process.env.BENCH_PYTHON || '/usr/bin/python3';
const OPENBLAS = '/usr/lib/x86_64-linux-gnu/openblas-openmp';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const wanted = process.argv.slice(2);
const isWanted = (name: string) => wanted.length === 0 || wanted.some((word) => name.includes(word));
const threads = availableParallelism();

function ours(script: string, ...words: (string | number)[]) {
  const output = execFileSync(process.execPath, ['--import', 'tsx', here(script), ...words.map(String)], {
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

/** The version of PyTorch; undefined without it. */
function pytorchVersion(): string | undefined {
  const program = 'import torch; print(torch.__version__)';
  const { status, stdout } = spawnSync(PYTHON, ['-c', program], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

function pytorch({ task, shape, seconds = 3, compute }: Row, count: number): Timing | undefined {
  const env = {
    ...process.env,
    OMP_NUM_THREADS: String(count),
    ...(existsSync(OPENBLAS) && { LD_LIBRARY_PATH: OPENBLAS }),
  };
  const words = [here('peers/pytorch.py'), task, ...shape, count, seconds, compute ?? 'float32'].map(String);
  const { status, stdout } = spawnSync(PYTHON, words, { encoding: 'utf8', env });
  return status === 0 ? JSON.parse(stdout) : undefined;
}

/** Returns a function that measures the peak GFLOPS of all threads; undefined without a compiler. */
function makePeak(): (() => number) | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'char-rnn-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'peak');
  const flags = ['-O3', '-march=native', '-mprefer-vector-width=512', '-ffp-contract=fast', '-pthread'];
  const { status } = spawnSync('g++', [...flags, here('peak.cpp'), '-o', program], { stdio: 'ignore' });
  return status === 0
    ? () => Number(execFileSync(program, [String(threads), '1'], { encoding: 'utf8' }))
    : undefined;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
const cell = (value: number | undefined, digits: number) =>
  value === undefined ? '' : value.toFixed(digits);

const peak = makePeak();
console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${threads} processors, Node ${process.versions.node}, PyTorch ${pytorchVersion() ?? 'missing'}\n`,
);
console.log(
  '| batch 50 | ms, median | ms, wall | characters/s | GFLOPS, best | of the peak | PyTorch, ms | ratio |',
);
console.log('|---|---|---|---|---|---|---|---|');
for (const row of ROWS.filter(({ name }) => isWanted(name))) {
  const mine: Timing[] = [];
  const theirs: Timing[][] = [[], []];
  let shares: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const timing: Timing = ours(
      'iteration.ts',
      row.task,
      ...row.shape,
      row.engine ?? 'auto',
      threads,
      row.seconds ?? 3,
      '{}',
      row.compute ?? 'float32',
    );
    mine.push(timing);
    const limit = peak?.();
    if (limit) shares = [...shares, (timing.flops as number) / timing.best / 1e6 / limit];
    for (const count of [1, 2]) {
      const timed = pytorch(row, count);
      if (timed) theirs[count - 1]?.push(timed);
    }
  }
  const own = median(mine.map((timing) => timing.median));
  const peers = theirs
    .filter((list) => list.length > 0)
    .map((list) => median(list.map((timing) => timing.median)));
  const peer = peers.length > 0 ? Math.min(...peers) : undefined;
  const wall = median(mine.map((timing) => timing.wall));
  const best = Math.max(...mine.map(({ flops = 0, best: time }) => flops / time / 1e6));
  console.log(
    `| ${row.name} | ${cell(own, 2)} | ${cell(wall, 2)} | ${Math.round((50_000 * row.shape[3]) / wall).toLocaleString('en')} | ${cell(best, 1)} | ` +
      `${shares.length > 0 ? `${Math.round(100 * Math.max(...shares))}%` : ''} | ${cell(peer, 1)} | ${peer ? `${cell(peer / own, 2)}×` : ''} |`,
  );
}
for (const [name, count] of SAMPLING.filter(([title]) => isWanted(title))) {
  const rates = Array.from(
    { length: ROUNDS },
    () => ours('sampling.ts', 'lstm', 128, 2, count, 'auto', threads).perSecond,
  );
  console.log(`\n${name}: ${Math.round(median(rates)).toLocaleString('en')} characters a second`);
}
