/** The history of benchmarks, with recorded figures: nothing here measures time. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  appendRecord,
  type BenchmarkRecord,
  compareWithHistory,
  type Figure,
  readHistory,
} from '../../bench/history.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const recorded = fileURLToPath(new URL('../fixtures/bench/history.jsonl', import.meta.url));
const history = readHistory(recorded);

const withRatio = (name: string, ratio: number): Figure => ({
  name,
  unit: 'ms',
  value: 10,
  peer: 10 * ratio,
  ratio,
});
const run = (figures: readonly Figure[], other: Partial<BenchmarkRecord> = {}): BenchmarkRecord => ({
  date: '2026-11-10T10:00:00.000Z',
  commit: '88f3eed8f2a1',
  processor: 'AMD EPYC (family 25, model 17)',
  processors: 2,
  load: 0.2,
  versions: { node: '20.20.0', pytorch: '2.13.0+cpu' },
  figures: [...figures],
  ...other,
});

test('a ratio is compared with the median of the last five on the same processor, with the same PyTorch', () => {
  // The last five are 1.5, 1.6, 1.4, 1.45 and 1.3; their median is 1.45, of which 90% are 1.305.
  assert.deepEqual(compareWithHistory(run([withRatio('LSTM 128×2', 1.306)]), history), {
    compared: 1,
    misses: [],
  });
  assert.deepEqual(compareWithHistory(run([withRatio('LSTM 128×2', 1.29)]), history), {
    compared: 1,
    misses: [
      'LSTM 128×2: 1.29 times as fast as PyTorch 2.13.0+cpu. At least 1.30 was expected, because the median of the last 5 records on this processor is 1.45.',
    ],
  });
});

test('a figure is compared with the records that have it', () => {
  // Two records: 2 and 1.2, the median of which is 1.6.
  const { compared, misses } = compareWithHistory(
    run([withRatio('LSTM 128×2, evaluation', 1.43), withRatio('GRU 128×2', 0.1)]),
    history,
  );
  assert.equal(compared, 1);
  assert.match(
    misses.join(),
    /^LSTM 128×2, evaluation: 1.43 .* the last 2 records on this processor is 1.60\.$/,
  );
});

test('other processors, other numbers of processors and other versions of PyTorch are not compared', () => {
  const low = [withRatio('LSTM 128×2', 0.1)];
  const others: Partial<BenchmarkRecord>[] = [
    { processor: 'AMD EPYC (family 26, model 2)' },
    { processors: 4 },
    { versions: { node: '20.20.0', pytorch: '2.14.1+cpu' } },
  ];
  for (const other of others)
    assert.deepEqual(compareWithHistory(run(low, other), history), { compared: 0, misses: [] });
});

test('a run without a peer has no ratio, and misses nothing', () => {
  const alone = run([{ name: 'LSTM 128×2', unit: 'ms', value: 10 }]);
  assert.deepEqual(compareWithHistory(alone, history), { compared: 0, misses: [] });
});

test('records are appended, one per line, and read again', (context) => {
  const file = join(temporaryFolder(context), 'history.jsonl');
  assert.deepEqual(readHistory(file), []);
  const records = [
    run([withRatio('LSTM 128×2', 1.4)]),
    run([{ name: 'sampling', unit: 'characters/s', value: 9e4 }]),
  ];
  for (const record of records) appendRecord(file, record);
  assert.deepEqual(readHistory(file), records);
});

test('a damaged line is reported with its place', (context) => {
  const file = join(temporaryFolder(context), 'history.jsonl');
  const [first] = history;
  writeFileSync(file, `${JSON.stringify(first)}\n{"date": `);
  assert.throws(() => readHistory(file), /history\.jsonl:2: not JSON\. .* remove this line/);
  writeFileSync(file, `${JSON.stringify({ ...first, processors: 0 })}\n`);
  assert.throws(() => readHistory(file), /history\.jsonl:1: processors: .* Remove this line/);
});
