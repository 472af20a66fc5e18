/** Batches of several lengths on one network: each has the bits that it has on a network of its own length. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELL_NAMES } from '../../src/engine/cells.ts';
import type { Engine, FloatArray } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import type { ModelConfig } from '../../src/model/config.ts';
import { initialParameters } from '../../src/model/initial-parameters.ts';
import { Network } from '../../src/model/network.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { fastEngines } from '../engine/engines.ts';

const B = 3;
const LENGTHS = [9, 4, 11, 1, 11, 7, 4];
const LONGEST = 11;
const REGULARIZATION = {
  dropout: 0.3,
  dropoutMask: 'step',
  weightDrop: 0.3,
  tokenDropout: 0.1,
  seed: 1,
} as const;

/** The loss, gradient and evaluation of each batch, and the last state. @param networkOf The network for a batch of some steps. */
async function results(engine: Engine, config: ModelConfig, networkOf: (steps: number) => Network) {
  const random = new MersenneTwister(5);
  const parameters = initialParameters(networkOf(LONGEST).layout, random);
  const state = networkOf(LONGEST).makeState();
  const found: FloatArray[] = [];
  for (const [index, steps] of LENGTHS.entries()) {
    const network = networkOf(steps);
    const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
    engine.write(weights, parameters);
    const below = (end: number) => Math.floor(random.nextUniform() * end);
    const tokens = () => Int32Array.from({ length: steps * B }, () => below(config.vocabularySize));
    const resets = Uint8Array.from({ length: steps * B }, () => Number(below(5) === 0));
    const batch = { inputs: tokens(), targets: tokens(), ...(index % 2 === 0 && { resets }) };
    network.lossAndGradient(weights, gradient, batch, state, { ...REGULARIZATION, batch: index });
    found.push((await engine.read(network.loss)) as FloatArray, await engine.read(gradient));
    const pass = { ...REGULARIZATION, batch: index };
    network.lossAndGradient(weights, gradient, batch, network.makeState(), pass);
    const unscaled = await engine.read(gradient);
    network.lossAndGradient(weights, gradient, batch, network.makeState(), pass, 0.25);
    assert.deepEqual(
      await engine.read(gradient),
      unscaled.map((element) => element / 4),
    );
    network.evaluate(weights, batch, state);
    found.push((await engine.read(network.loss)) as FloatArray);
  }
  for (const layer of state) found.push((await engine.read(layer)) as FloatArray);
  return found;
}

for (const { name, make } of [
  ...fastEngines,
  { name: 'reference', make: async () => new ReferenceEngine('float32') },
]) {
  test(`${name}: batches of several lengths have the bits of networks of these lengths`, async () => {
    for (const cell of CELL_NAMES) {
      for (const embeddingSize of [undefined, 18]) {
        // No multiples of 16, and several panels.
        const config: ModelConfig = {
          ...{ cell, layers: 2, hiddenSize: 21, vocabularySize: 37 },
          ...(embeddingSize && { embeddingSize }),
        };
        const engine = await make();
        const shape = (sequenceLength: number) => ({ batchSize: B, sequenceLength });
        const one = new Network(engine, config, shape(LONGEST));
        const own = new Map(LENGTHS.map((steps) => [steps, new Network(engine, config, shape(steps))]));
        const together = await results(engine, config, () => one);
        const apart = await results(engine, config, (steps) => own.get(steps) as Network);
        assert.deepEqual(together, apart);
        const longer = { inputs: new Int32Array(B * 12), targets: new Int32Array(B * 12) };
        const [weights, state] = [engine.vector(one.layout), one.makeState()];
        assert.throws(() => one.evaluate(weights, longer, state), RangeError);
        await engine.close();
      }
    }
  });
}
