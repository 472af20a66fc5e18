/** Sequences of random lengths. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomCuts } from '../../src/data/batches/cuts.ts';

/** The lengths of all sequences of an epoch. Checks that they follow one another and fill the row. */
function lengthsOf(cuts: RandomCuts, epoch: number): number[] {
  let end = 0;
  const lengths = Array.from({ length: cuts.count }, (_, index) => {
    const { start, steps } = cuts.sequence(index, epoch);
    assert.equal(start, end);
    end += steps;
    return steps;
  });
  assert.equal(end, cuts.count * cuts.mean);
  return lengths;
}

/** The mean and the standard deviation. */
function moments(values: readonly number[]): [number, number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return [mean, Math.sqrt(square)];
}

test('19 of 20 lengths are around the mean, the others around half of it', () => {
  for (const [T, deviation] of [
    [200, 5],
    [80, 5],
    [30, 3],
  ] as const) {
    const cuts = new RandomCuts(T, 20_000, 1);
    const lengths = lengthsOf(cuts, 0);
    const short = lengths.filter((length) => length < 0.77 * T);
    const long = lengths.filter((length) => length >= 0.77 * T);
    const near = (actual: number, expected: number, tolerance: number, what: string) =>
      assert.ok(Math.abs(actual - expected) <= tolerance, `T = ${T}, ${what}: ${actual}, not ${expected}`);
    near(short.length, 1000, 100, 'short');
    for (const [some, center] of [
      [long, (40 / 39) * T],
      [short, (20 / 39) * T],
    ] as const) {
      const [mean, spread] = moments(some);
      near(mean, center, 0.03 * T, 'mean');
      near(spread, deviation, 0.15 * deviation, 'deviation');
    }
    assert.ok(Math.max(...lengths) <= cuts.longest);
    assert.ok(cuts.longest <= 1.03 * T + 3 * deviation + 1);
    assert.ok(Math.min(...lengths) >= T / 5);
    // No trend within the epoch, and none at its end.
    near(moments(lengths.slice(-5000))[0], T, 0.01 * T, 'mean of the last quarter');
  }
});

test('the lengths depend on the seed and the epoch, and on nothing else', () => {
  const lengths = (seed: number, epoch: number) => lengthsOf(new RandomCuts(50, 40, seed), epoch);
  const all = [lengths(1, 0), lengths(1, 1), lengths(2, 0), lengths(2, 1)];
  assert.equal(new Set(all.map(String)).size, 4);
  const cuts = new RandomCuts(50, 40, 1);
  // In any order, as after a return to an earlier state.
  const [later, first] = [cuts.sequence(3, 1), cuts.sequence(39, 0)];
  assert.deepEqual([lengthsOf(cuts, 1), lengthsOf(cuts, 0), lengthsOf(cuts, 1)], [all[1], all[0], all[1]]);
  assert.deepEqual([cuts.sequence(3, 1), cuts.sequence(39, 0)], [later, first]);
});

test('short rows and short sequences are filled exactly too', () => {
  for (const T of [1, 2, 3, 5, 8, 13, 50])
    for (const count of [1, 2, 3, 4, 7, 30]) {
      const cuts = new RandomCuts(T, count, T);
      for (let epoch = 0; epoch < 200; epoch++)
        for (const length of lengthsOf(cuts, epoch)) assert.ok(length >= 1 && length <= cuts.longest);
    }
  assert.deepEqual(lengthsOf(new RandomCuts(1, 3, 1), 0), [1, 1, 1]);
  assert.deepEqual(lengthsOf(new RandomCuts(60, 1, 1), 0), [60]);
});
