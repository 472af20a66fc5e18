/** The arguments of the benchmarks: a program with a wrong one measures nothing. Nothing here measures time. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { count, jsonObject, oneOf, positiveNumber, rowWords } from '../../bench/arguments.ts';

test('a word that is in no name of a row is an error with the names', () => {
  const names = ['LSTM 128×2', 'LSTM 128×2, bfloat16', 'sampling 1024×3, one sequence'];
  assert.deepEqual(rowWords([], names), []);
  assert.deepEqual(rowWords(['bfloat16', 'sampling'], names), ['bfloat16', 'sampling']);
  assert.deepEqual(rowWords(['128x2', '1024×3'], names), ['128×2', '1024×3']);
  assert.throws(
    () => rowWords(['LSTM', 'LTSM'], names),
    /no row's name contains "LTSM"\. The rows:\n {2}LSTM 128×2\n/,
  );
});

test('values are checked', () => {
  assert.equal(oneOf('the task', 'train', ['train', 'evaluate']), 'train');
  assert.throws(() => oneOf('the task', 'trian', ['train']), /^\w+: the task: got "trian", expected train$/);
  assert.equal(count('the units', '128'), 128);
  for (const word of ['0', '-1', '1.5', '12x', '', 'Infinity'])
    assert.throws(() => count('the units', word), /the units: got/);
  assert.equal(positiveNumber('the seconds', '0.5'), 0.5);
  for (const word of ['0', 'two', 'Infinity'])
    assert.throws(() => positiveNumber('the seconds', word), /the seconds: got/);
  assert.deepEqual(jsonObject('the options', '{"dropout":0.4}'), { dropout: 0.4 });
  for (const word of ['bfloat16', '[]', '1', 'null'])
    assert.throws(() => jsonObject('the options', word), /the options: got .* an object in JSON/);
});

for (const [words, expected] of [
  [['compare.ts', 'LTSM', '--record'], /no row's name contains "LTSM"/],
  [
    ['iteration.ts', 'evaluate', 'lstm', '8', '1', '4', 'native', '1', '1', '{}', 'bfloat16'],
    /^an evaluation computes in float32: leave out bfloat16$/m,
  ],
  [
    ['iteration.ts', 'train', 'lstm', '8', '1', '4', 'wasm', '1', '1', '{}', 'bfloat16'],
    /^bfloat16 is computed by the native engine alone, not by wasm/m,
  ],
  [['sampling.ts', 'lstm', '8', '1', '1', '--quantize', 'int4'], /^quantize: got "int4"/m],
] as const) {
  test(`bench/${words.join(' ')} is refused before anything is measured`, () => {
    const [program, ...rest] = words;
    const path = fileURLToPath(new URL(`../../bench/${program}`, import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', path, ...rest], {
      encoding: 'utf8',
    });
    assert.equal(status, 2, stderr);
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /\n {4}at /);
    assert.equal(stdout, '');
  });
}
