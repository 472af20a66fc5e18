/** Engines allocate what the size formulas say, and the memory estimate of a run agrees with that. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELL_KINDS, cellFacts, gateCount, stateParts } from '../../src/engine/cells.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { dimensionsOf, SIZES, sizeOf } from '../../src/engine/sizes.ts';
import { UPDATE_RULES } from '../../src/engine/update-rules.ts';
import { estimateMemory } from '../../src/model/memory.ts';
import { Network } from '../../src/model/network.ts';
import { checkTrainingOptions } from '../../src/train/options.ts';
import { Optimizer } from '../../src/train/run/optimizer.ts';
import { type EngineKind, fastEngines } from './engines.ts';

test('a formula is a sum of products', () => {
  assert.equal(sizeOf('recurrentScratch', { G: 2, H: 3, D: 5, B: 7 }), 6 + 18 + 30 + 63);
  assert.deepEqual(dimensionsOf(SIZES.recurrentScratch), ['G', 'H', 'D', 'B']);
});

const T = 7;
const B = 5;

for (const kind of CELL_KINDS) {
  const { cell, reset } = kind;
  const name = reset ? `${cell}, reset ${reset}` : cell;

  test(`${name}: the CPU engine allocates what the formulas say for tapes, states and parameters`, async () => {
    const engine = await (fastEngines.at(-1) as EngineKind).make();
    const [H, D] = [32, 48];
    const layout = [
      { kind: 'recurrent', name: 'layer', ...kind, input: 'dense', inputSize: D, hiddenSize: H },
    ] as const;
    const own = { G: gateCount(cell), H, B };
    const allocated = (make: () => unknown) => {
      const before = engine.bytesInUse;
      make();
      return (engine.bytesInUse - before) / 4;
    };
    // The first ones also allocate scratch memory.
    engine.vector(layout);
    engine.tape(layout, 0, T, B);
    const K = cellFacts(cell).kept.length;
    assert.equal(
      allocated(() => engine.tape(layout, 0, T, B)),
      sizeOf('tape', { ...own, T, D, K }),
    );
    assert.equal(
      allocated(() => engine.tensor('float', [stateParts(cell), B, H])),
      sizeOf('state', { ...own, S: stateParts(cell) }),
    );
    const tensors = [D, H, 1, 1].map((R) => sizeOf('weights', { ...own, R }));
    assert.equal(
      allocated(() => engine.vector(layout)),
      tensors.reduce((sum, size) => sum + size, 0),
    );
    await engine.close();
  });

  test(`${name}: the estimated memory of a run is within 25% of the memory that it uses`, async () => {
    const config = { ...kind, layers: 2, hiddenSize: 96, vocabularySize: 64 };
    const shape = { batchSize: 16, sequenceLength: 24 };
    const options = checkTrainingOptions({ optimizer: 'adam' });
    const needs = { ...shape, precision: 'float32', moments: UPDATE_RULES.adam.moments } as const;
    const estimated = estimateMemory(config, needs);
    for (const make of [(fastEngines.at(-1) as EngineKind).make, () => new ReferenceEngine('float32')]) {
      const engine = await make();
      const before = engine.bytesInUse;
      const network = new Network(engine, config, shape);
      const optimizer = new Optimizer(engine, network.layout, options);
      const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
      const tokens = new Int32Array(16 * 24);
      network.lossAndGradient(weights, gradient, { inputs: tokens, targets: tokens }, network.makeState());
      optimizer.update({ weights, gradient, loss: network.loss, learningRate: 0.01 });
      await optimizer.readFigures();
      const used = engine.bytesInUse - before;
      assert.ok(
        Math.abs(estimated / used - 1) < 0.25,
        `${engine.description.name}: estimated ${estimated}, used ${used}`,
      );
      await engine.close();
    }
  });
}
