/**
 * Compares training with PyTorch on this machine: `npm run bench`, for all rows or those that are named. A word names the row that it is
 * the name of or, if it is no row's name, all rows whose name contains it.
 *
 *     npm run bench -- [WORD…] [--record] [--check]
 *
 * In a WORD, x may stand for the × of a name. A WORD that is in no name is an error.
 *
 * Each row alternates between this program and PyTorch (the better of one thread and, with two processors, two) within one run. The figures
 * and the ratio come from the fastest iteration of all rounds, because other programs on a machine make iterations slower, but never
 * faster; the median of the medians is printed beside them. "of the peak" is the rate of the best iteration divided by the highest peak in
 * float32, which is measured after each round. Without PyTorch, or without a compiler for the peak, those columns stay empty.
 *
 * PyTorch comes from the virtual environment build/pytorch or, if there is none, from Debian's python3. BENCH_PYTHON names another Python.
 *
 * Without WORD, rows in bfloat16 are left out if the processor has no instruction for them.
 *
 * --record appends the figures to bench/history.jsonl. --check compares the ratios with those recorded before on the same processor, and
 * exits with 1 if one is more than 10% below the median of the last five; it needs PyTorch.
 */
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fastBfloat16 } from '../src/engine/cpu/native.node.ts';
import { orExit, rowWords } from './arguments.ts';
import { median } from './figures.ts';
import { appendRecord, compareWithHistory, type Figure, readHistory } from './history.ts';
import { makePeak, PROCESSORS, processorName } from './machine.ts';
import { INSTALL_PYTORCH, pytorchVersion, type Timing, timePytorch } from './peers/pytorch.ts';
import { commitOfCheckout } from './provenance.ts';

interface Row {
  readonly name: string;
  readonly task: 'train' | 'evaluate';
  /** [cell, units, layers, steps] */
  readonly shape: readonly [string, number, number, number];
  readonly engine?: string;
  readonly seconds?: number;
  readonly compute?: 'bfloat16' | 'bfloat16-amx';
}

const ROWS: readonly Row[] = [
  { name: 'LSTM 128×2', task: 'train', shape: ['lstm', 128, 2, 50] },
  { name: 'LSTM 256×2', task: 'train', shape: ['lstm', 256, 2, 50] },
  { name: 'LSTM 512×2', task: 'train', shape: ['lstm', 512, 2, 50], seconds: 4 },
  { name: 'LSTM 700×3, 100 steps', task: 'train', shape: ['lstm', 700, 3, 100], seconds: 8 },
  { name: 'LSTM 128×2, bfloat16', task: 'train', shape: ['lstm', 128, 2, 50], compute: 'bfloat16' },
  {
    name: 'LSTM 512×2, bfloat16',
    task: 'train',
    shape: ['lstm', 512, 2, 50],
    compute: 'bfloat16',
    seconds: 4,
  },
  {
    name: 'LSTM 700×3, 100 steps, bfloat16',
    task: 'train',
    shape: ['lstm', 700, 3, 100],
    compute: 'bfloat16',
    seconds: 8,
  },
  { name: 'LSTM 128×2, bfloat16-amx', task: 'train', shape: ['lstm', 128, 2, 50], compute: 'bfloat16-amx' },
  {
    name: 'LSTM 512×2, bfloat16-amx',
    task: 'train',
    shape: ['lstm', 512, 2, 50],
    compute: 'bfloat16-amx',
    seconds: 4,
  },
  {
    name: 'LSTM 700×3, 100 steps, bfloat16-amx',
    task: 'train',
    shape: ['lstm', 700, 3, 100],
    compute: 'bfloat16-amx',
    seconds: 8,
  },
  { name: 'GRU 128×2', task: 'train', shape: ['gru', 128, 2, 50] },
  { name: 'RNN 128×2', task: 'train', shape: ['rnn', 128, 2, 50] },
  { name: 'LSTM 128×2, evaluation', task: 'evaluate', shape: ['lstm', 128, 2, 50] },
  { name: 'LSTM 128×2, WebAssembly', task: 'train', shape: ['lstm', 128, 2, 50], engine: 'wasm' },
];
/** PyTorch's names of compute types, where they differ from ours. */
const PEER_COMPUTE: Readonly<Record<string, string>> = { 'bfloat16-amx': 'bfloat16' };
interface SamplingRow {
  readonly units: number;
  readonly layers: number;
  readonly sequences: number;
  readonly quantize: 'none' | 'int8';
}

const SAMPLING: readonly SamplingRow[] = [
  { units: 128, layers: 2 },
  { units: 512, layers: 2 },
  { units: 1024, layers: 3 },
].flatMap((shape) =>
  [1, 64].flatMap((sequences) =>
    (['none', 'int8'] as const).map((quantize) => ({ ...shape, sequences, quantize })),
  ),
);
const NAMES = [...ROWS, ...SAMPLING.map(samplingRow)].map(({ name }) => name);
const ROUNDS = 5;
const PEER_THREADS = PROCESSORS > 1 ? [1, 2] : [1];
const HISTORY = fileURLToPath(new URL('history.jsonl', import.meta.url));

const { values: flags, positionals } = orExit(() =>
  parseArgs({
    allowPositionals: true,
    options: { record: { type: 'boolean' }, check: { type: 'boolean' } },
  }),
);
const wanted = orExit(() => rowWords(positionals, NAMES));
/**
 * A row in bfloat16 is measured only if it is named or the processor has the instruction; without the instruction, it is slower than
 * float32.
 */
const isWanted = (name: string, compute: Row['compute'] = undefined) =>
  wanted.length === 0
    ? compute === undefined || fastBfloat16().includes(compute)
    : wanted.some((word) => (NAMES.includes(word) ? name === word : name.includes(word)));

/** Runs one of the programs in this folder, which prints JSON. */
function ours<Result>(script: string, ...words: (string | number)[]): Result {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const output = execFileSync(process.execPath, ['--import', 'tsx', path, ...words.map(String)], {
    encoding: 'utf8',
  });
  return JSON.parse(output) as Result;
}

const cell = (value: number | undefined, digits: number) =>
  value === undefined ? '' : value.toFixed(digits);
const rounded = (value: number) => Number(value.toPrecision(5));

// Read before anything is measured, so that a damaged line costs no time.
const history = orExit(() => readHistory(HISTORY));
const commit = commitOfCheckout();
const [load = 0] = loadavg();
const peak = makePeak();
const version = pytorchVersion();
const processor = processorName();
const peerName = version ? `PyTorch ${version}` : 'no PyTorch';
console.log(
  `${processor}, ${PROCESSORS} processors, load ${load.toFixed(1)}, Node ${process.versions.node}, ${peerName}`,
);
if (!version) {
  console.log(INSTALL_PYTORCH);
  if (flags.check) process.exit(1);
}
console.log(
  `\n| batch 50 | ms, best | ms, median | characters/s, mean | GFLOPS, best | of the peak | ${peerName}, ms, best | ratio |`,
);
console.log('|---|---|---|---|---|---|---|---|');

/** Measures a row, prints it, and returns its figure. */
function measure(row: Row): Figure {
  const { task, shape, seconds = 2, compute = 'float32' } = row;
  const mine: (Timing & { flops: number })[] = [];
  const theirs: Timing[] = [];
  const peaks: number[] = [];
  const peerCompute = PEER_COMPUTE[compute] ?? compute;
  for (let round = 0; round < ROUNDS; round++) {
    const words = [task, ...shape, row.engine ?? 'auto', PROCESSORS, seconds, '{}', compute];
    mine.push(ours<Timing & { flops: number }>('iteration.ts', ...words));
    if (peak) peaks.push(peak());
    for (const threads of version ? PEER_THREADS : [])
      theirs.push(timePytorch([task, ...shape, threads, seconds, peerCompute], threads));
  }
  const value = Math.min(...mine.map(({ best }) => best));
  const peer = version ? Math.min(...theirs.map(({ best }) => best)) : undefined;
  const wall = median(mine.map((timing) => timing.wall));
  const gflops = (mine[0] as { flops: number }).flops / value / 1e6;
  const cells = [
    row.name,
    cell(value, 2),
    cell(median(mine.map((timing) => timing.median)), 2),
    Math.round((50_000 * shape[3]) / wall).toLocaleString('en'),
    cell(gflops, 1),
    peaks.length > 0 ? `${Math.round((100 * gflops) / Math.max(...peaks))}%` : '',
    cell(peer, 1),
    peer ? `${cell(peer / value, 2)}×` : '',
  ];
  console.log(`| ${cells.join(' | ')} |`);
  const compared = peer && { peer: rounded(peer), ratio: rounded(peer / value) };
  return { name: row.name, unit: 'ms', value: rounded(value), ...compared };
}

function samplingRow(row: SamplingRow) {
  return { row, name: samplingName(row) };
}

function samplingName({ units, layers, sequences, quantize }: SamplingRow): string {
  const count = sequences === 1 ? 'one sequence' : `${sequences} sequences`;
  return `sampling ${units}×${layers}, ${count}${quantize === 'int8' ? ', int8' : ''}`;
}

/** Measures the rate of sampling, prints it, and returns its figure. */
function measureSampling(name: string, { units, layers, sequences, quantize }: SamplingRow): Figure {
  const words = ['lstm', units, layers, sequences, 'auto', PROCESSORS, 2, '{}', '--quantize', quantize];
  const rates = Array.from(
    { length: ROUNDS },
    () => ours<{ perSecond: number }>('sampling.ts', ...words).perSecond,
  );
  const best = Math.max(...rates);
  console.log(`\n${name}: ${Math.round(best).toLocaleString('en')} characters a second`);
  return { name, unit: 'characters/s', value: rounded(best) };
}

const figures = [
  ...ROWS.filter(({ name, compute }) => isWanted(name, compute)).map(measure),
  ...SAMPLING.map(samplingRow)
    .filter(({ name }) => isWanted(name))
    .map(({ row, name }) => measureSampling(name, row)),
];
const record = {
  date: new Date().toISOString(),
  commit,
  processor,
  processors: PROCESSORS,
  load: rounded(load),
  versions: { node: process.versions.node, ...(version && { pytorch: version }) },
  figures,
};
if (flags.check) {
  const { compared, misses } = compareWithHistory(record, history);
  for (const miss of misses) console.error(miss);
  if (misses.length > 0) {
    console.error(
      'Run this again on a quiet machine. If a ratio stays low, look for the commit with git bisect.',
    );
    process.exitCode = 1;
  } else if (figures.every(({ ratio }) => ratio === undefined)) {
    console.log('\nThese rows have no ratio to PyTorch, so there is nothing to check.');
  } else if (compared === 0) {
    console.log(
      `\n${HISTORY} has no ratio of these rows with this processor and PyTorch ${version}: make a record with --record.`,
    );
  } else
    console.log(`\nNo ratio is more than 10% below the median of the last records (${compared} compared).`);
}
if (flags.record) {
  appendRecord(HISTORY, record);
  console.log(`\nAdded to ${HISTORY}.`);
}
