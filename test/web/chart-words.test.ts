import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roundedPart } from '../../web/chart-words.ts';
import { logarithmicTicks } from '../../web/ticks.ts';

test('the ends of a part that is chosen by dragging are rounded to the digits that it needs', () => {
  assert.deepEqual(roundedPart(1003.37, 2001.82, true), [1003, 2002]);
  assert.deepEqual(roundedPart(10.2, 14.9, true), [10, 15]);
  assert.deepEqual(roundedPart(5.1, 5.4, true), [5, 6]);
  assert.deepEqual(roundedPart(0.123456, 0.987654, false), [0.123, 0.988]);
  assert.deepEqual(roundedPart(12_345.6, 98_765.4, false), [12_300, 98_800]);
});

test('the ticks of a logarithmic axis are round numbers within it', () => {
  assert.deepEqual(logarithmicTicks(1.5, 3.2), [1.5, 2, 2.5, 3]);
  assert.deepEqual(logarithmicTicks(0.001, 0.002), [0.001, 0.0012, 0.0014, 0.0016, 0.0018, 0.002]);
  assert.deepEqual(logarithmicTicks(1.2, 40), [2, 5, 10, 20]);
  assert.deepEqual(logarithmicTicks(1e-6, 1e6), [1e-6, 1e-4, 0.01, 1, 100, 10_000, 1e6]);
  for (const [least, most] of [
    [0, 1],
    [-1, 1],
    [2, 2],
    [Number.NaN, 1],
  ] as const)
    assert.deepEqual(logarithmicTicks(least, most), []);
});
