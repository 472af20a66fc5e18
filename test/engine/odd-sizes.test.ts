/** Networks of sizes that are no multiples of the tiles: loss, gradient and state of every engine, compared with the float64 reference. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cell } from '../../src/engine/cells.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { initialParameters } from '../../src/model/initial-parameters.ts';
import { Network } from '../../src/model/network.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { largestDifference } from '../compare.ts';
import { fastEngines } from './engines.ts';

/** [cell, H, B, T, V] */
const sizes: readonly (readonly [Cell, number, number, number, number])[] = [
  ['lstm', 1, 1, 1, 2],
  ['gru', 1, 50, 50, 65],
  ['rnn', 1, 3, 50, 5000],
  ['lstm', 7, 3, 50, 65],
  ['gru', 7, 1, 50, 300],
  ['rnn', 7, 50, 1, 2],
  ['lstm', 33, 50, 1, 300],
  ['gru', 33, 3, 50, 2],
  ['rnn', 33, 1, 50, 65],
  ['lstm', 33, 50, 50, 65],
  ['lstm', 33, 3, 1, 5000],
  ['gru', 700, 1, 3, 65],
  ['rnn', 700, 3, 2, 65],
  ['lstm', 700, 1, 3, 300],
];

interface Results {
  readonly loss: ArrayLike<number>;
  readonly gradient: ArrayLike<number>;
  readonly state: ArrayLike<number>;
}

async function resultsOf(engine: Engine, [cell, H, B, T, V]: (typeof sizes)[number]): Promise<Results> {
  const config = { cell, layers: H < 700 ? 2 : 1, hiddenSize: H, vocabularySize: V };
  const network = new Network(engine, config, { batchSize: B, sequenceLength: T });
  const random = new MersenneTwister(H + 1);
  const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
  engine.write(weights, initialParameters(network.layout, random));
  const state = network.makeState();
  const tokens = () => Int32Array.from({ length: T * B }, () => Math.floor(random.nextUniform() * V));
  // Two batches, so that the second one begins with a state that is not zero.
  for (let iteration = 1; iteration <= 2; iteration++) {
    const batch = { inputs: tokens(), targets: tokens() };
    network.lossAndGradient(weights, gradient, batch, state, {
      ...{ dropout: 0.3, dropoutMask: 'sequence', weightDrop: 0.3, tokenDropout: 0.1 },
      ...{ seed: 1, batch: iteration },
    });
  }
  const top = state.at(-1) as (typeof state)[number];
  return {
    loss: (await engine.read(network.loss)) as Float32Array,
    gradient: await engine.read(gradient),
    state: (await engine.read(top)) as Float32Array,
  };
}

for (const size of sizes) {
  const [cell, H, B, T, V] = size;
  test(`${cell}, H = ${H}, B = ${B}, T = ${T}, V = ${V}: every engine agrees with the reference`, async () => {
    const expected = await resultsOf(new ReferenceEngine('float64'), size);
    for (const { name, make } of fastEngines) {
      const engine = await make();
      const results = await resultsOf(engine, size);
      for (const what of ['loss', 'gradient', 'state'] as const) {
        const difference = largestDifference(results[what], expected[what]);
        // Gradients are sums over up to 2,500 positions, in float32.
        assert.ok(difference <= 2e-5, `${name}, ${what}: ${difference}`);
      }
      await engine.close();
    }
  });
}
