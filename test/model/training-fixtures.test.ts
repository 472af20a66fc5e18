/** Golden numbers: twenty iterations of training, recorded from the original. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Precision } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { initialParameters } from '../../src/model/initial-parameters.ts';
import { toOriginalOrder } from '../../src/model/original-order.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { originalFixtures, trainLikeOriginal } from './original-training.ts';

const CASES: readonly (readonly [Precision, number])[] = [
  ['float64', 1e-9],
  ['float32', 1e-4],
];

for (const fixture of originalFixtures()) {
  const { name, layout, recorded } = fixture;
  test(`${name}: the seed gives the original's initial parameters, to the bit`, () => {
    const parameters = initialParameters(layout, new MersenneTwister(123));
    assert.deepEqual(Array.from(toOriginalOrder(layout, parameters)), recorded.params_init);
  });

  for (const [precision, tolerance] of CASES) {
    test(`${name}: losses, gradients and parameters of 20 iterations, ${precision}`, () =>
      trainLikeOriginal(new ReferenceEngine(precision), fixture, tolerance, 'everything'));
  }
}
