import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pairedBootstrap } from '../../src/score/bootstrap.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

/** A random number with mean 0 and variance 1: the sum of twelve uniform numbers minus 6. */
function noise(random: MersenneTwister): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random.nextUniform();
  return sum;
}

function blocks(count: number, mean: number, size: (index: number) => number) {
  const random = new MersenneTwister(5);
  const sizes = Float64Array.from({ length: count }, (_, i) => size(i));
  return { differences: sizes.map((value) => value * (mean + noise(random))), sizes };
}

test('the interval has the theoretical width and contains the mean', () => {
  const { mean, low, high } = pairedBootstrap(blocks(400, 0, () => 100));
  assert.ok(Math.abs(mean) < 0.15);
  assert.ok(low < mean && mean < high);
  // 2 · 1.96 / √400, with a tolerance for the sampling error of 400 blocks and 10,000 draws.
  assert.ok(Math.abs(high - low - 0.196) < 0.03, String(high - low));
});

test('the interval of a clear difference does not contain zero; the same seed gives the same numbers', () => {
  const made = blocks(100, -1, (i) => 50 + i);
  const interval = pairedBootstrap(made, 3);
  assert.ok(interval.high < 0 && interval.below === 1);
  assert.deepEqual(pairedBootstrap(made, 3), interval);
  assert.notDeepEqual(pairedBootstrap(made, 4), interval);
});

test('blocks are weighted by their size', () => {
  const interval = pairedBootstrap({ differences: Float64Array.of(0, 90), sizes: Float64Array.of(10, 90) });
  assert.equal(interval.mean, 0.9);
});
