/** Which trials a sweep makes: pure functions of the definition, the seed and the number. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parametersOfTrials } from '../../src/sweep/search.ts';
import { randomPoint, type Space, sizeOf } from '../../src/sweep/space.ts';

const lists: Space = { hiddenSize: { values: [64, 128] }, cell: { values: ['lstm', 'gru', 'rnn'] } };
const mixed: Space = {
  ...lists,
  learningRate: { min: 1e-4, max: 2e-2, log: true, integer: false },
  dropout: { min: 0, max: 0.5, log: false, integer: false },
  layers: { min: 1, max: 4, log: false, integer: true },
  batchSize: { min: 4, max: 512, log: true, integer: true },
};

test('a grid has every combination once, the last parameter changing fastest', () => {
  const all = parametersOfTrials({ method: 'grid', space: lists, seed: 1 }, 6);
  assert.deepEqual(
    all.map(({ hiddenSize, cell }) => `${hiddenSize} ${cell}`),
    ['64 lstm', '64 gru', '64 rnn', '128 lstm', '128 gru', '128 rnn'],
  );
});

test('random values are in their ranges, whole where they must be, and have four digits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 1e6 }), (seed, index) => {
      const { learningRate, dropout, layers, batchSize, cell, hiddenSize } = randomPoint(mixed, seed, index);
      const isWithin = (value: unknown, min: number, max: number) =>
        typeof value === 'number' && value >= min && value <= max && Number(value.toPrecision(4)) === value;
      assert.ok(isWithin(learningRate, 1e-4, 2e-2) && isWithin(dropout, 0, 0.5));
      assert.ok(isWithin(layers, 1, 4) && Number.isInteger(layers));
      assert.ok(isWithin(batchSize, 4, 512) && Number.isInteger(batchSize));
      assert.ok(['lstm', 'gru', 'rnn'].includes(String(cell)) && [64, 128].includes(Number(hiddenSize)));
    }),
  );
});

test('a logarithmic range has as many values in each decade, a linear one in each stretch', () => {
  const points = Array.from({ length: 4000 }, (_, index) => randomPoint(mixed, 3, index));
  const share = (meets: (point: (typeof points)[number]) => boolean) => points.filter(meets).length / 4000;
  const decade = Math.log(10) / Math.log(200);
  assert.ok(Math.abs(share(({ learningRate }) => Number(learningRate) < 1e-3) - decade) < 0.03);
  assert.ok(Math.abs(share(({ dropout }) => Number(dropout) < 0.1) - 0.2) < 0.03);
  for (const layers of [1, 2, 3, 4])
    assert.ok(Math.abs(share((point) => point.layers === layers) - 0.25) < 0.03);
  for (const cell of ['lstm', 'gru', 'rnn'])
    assert.ok(Math.abs(share((point) => point.cell === cell) - 1 / 3) < 0.03);
});

test('the same seed gives the same trials, and more trials begin with the same ones', () => {
  const few = parametersOfTrials({ method: 'random', space: mixed, seed: 4 }, 20);
  const many = parametersOfTrials({ method: 'random', space: mixed, seed: 4 }, 40);
  assert.deepEqual(many.slice(0, 20), few);
  assert.notDeepEqual(parametersOfTrials({ method: 'random', space: mixed, seed: 5 }, 20), few);
  // This must never change: a sweep that was begun gets more trials.
  assert.deepEqual(few[0], {
    ...{ hiddenSize: 64, cell: 'rnn', learningRate: 0.001071, dropout: 0.05326, layers: 2, batchSize: 5 },
  });
});

test('a value does not depend on the other parameters', () => {
  const { dropout } = mixed;
  assert.ok(dropout);
  for (let index = 0; index < 20; index++)
    assert.equal(randomPoint({ dropout }, 7, index).dropout, randomPoint(mixed, 7, index).dropout);
});

test('in a space of lists, no two random trials are equal, up to the last one', () => {
  for (const seed of [0, 1, 2, 3]) {
    const all = parametersOfTrials({ method: 'random', space: lists, seed }, sizeOf(lists));
    assert.equal(new Set(all.map((one) => JSON.stringify(one))).size, 6);
  }
});
