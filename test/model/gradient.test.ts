/** Compares the gradient of the whole model with finite differences, in float64. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch } from '../../src/data/batches/batches.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import type { ModelConfig } from '../../src/model/config.ts';
import { Network, type NetworkState } from '../../src/model/network.ts';
import { NO_REGULARIZATION, type Regularization } from '../../src/model/regularization.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

const VOCABULARY = 7;
const ROWS = 3;
const STEPS = 4;
const STEP = 1e-5;

/** Numbers uniform in ± `range`. */
function randoms(generator: MersenneTwister, count: number, range: number): Float64Array {
  return Float64Array.from({ length: count }, () => (generator.nextUniform() * 2 - 1) * range);
}

function randomBatch(generator: MersenneTwister): Batch {
  const tokens = () =>
    Int32Array.from({ length: STEPS * ROWS }, () => Math.floor(generator.nextUniform() * VOCABULARY));
  return { inputs: tokens(), targets: tokens() };
}

type Kind = Pick<ModelConfig, 'cell' | 'reset' | 'embeddingSize'>;

const kinds: readonly [string, Kind][] = [
  ['lstm', { cell: 'lstm' }],
  ['gru', { cell: 'gru' }],
  ['gru, reset after', { cell: 'gru', reset: 'after' }],
  ['rnn', { cell: 'rnn' }],
  ['lstm, embedding', { cell: 'lstm', embeddingSize: 4 }],
  ['rnn, embedding', { cell: 'rnn', embeddingSize: 6 }],
];

const regularizations: readonly [string, Partial<Regularization>][] = [
  ['plain', {}],
  ['dropout', { dropout: 0.4 }],
  ['all regularization', { dropout: 0.3, dropoutMask: 'sequence', weightDrop: 0.4, tokenDropout: 0.3 }],
];

for (const [name, kind] of kinds) {
  for (const layers of [1, 2, 3]) {
    for (const [which, regularization] of regularizations) {
      test(`${name}, ${layers} layers, ${which}: the gradient equals the finite differences`, async () => {
        const pass = { ...NO_REGULARIZATION, ...regularization, seed: 5, batch: 3 };
        const engine = new ReferenceEngine('float64');
        const config = { ...kind, layers, hiddenSize: 3, vocabularySize: VOCABULARY };
        const network = new Network(engine, config, { batchSize: ROWS, sequenceLength: STEPS });
        const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
        const generator = new MersenneTwister(7 + layers);
        const parameters = randoms(generator, weights.size, 0.6);
        const batch = randomBatch(generator);
        const state = network.makeState();
        const start = state.map((layer) =>
          randoms(
            generator,
            layer.shape.reduce((a, b) => a * b, 1),
            0.5,
          ),
        );
        const restore = (into: NetworkState) => {
          into.forEach((layer, index) => {
            engine.write(layer, start[index] as Float64Array);
          });
        };

        /** The loss that the gradient is of: the sum over time of the mean over rows. */
        const loss = async () => {
          engine.write(weights, parameters);
          restore(state);
          network.lossAndGradient(weights, gradient, batch, state, pass);
          const [total] = await engine.read(network.loss);
          return (total as number) / ROWS;
        };

        await loss();
        const slopes = await engine.read(gradient);
        assert.ok(
          slopes.some((value) => Math.abs(value) > 0.01),
          'the gradient is not almost zero',
        );
        for (let index = 0; index < parameters.length; index++) {
          const value = parameters[index] as number;
          parameters[index] = value + STEP;
          const above = await loss();
          parameters[index] = value - STEP;
          const below = await loss();
          parameters[index] = value;
          const slope = (above - below) / (2 * STEP);
          const error = Math.abs(slope - (slopes[index] as number));
          assert.ok(error < 1e-6, `parameter ${index}: slope ${slope}, gradient ${slopes[index]}`);
        }
      });
    }
  }
}
