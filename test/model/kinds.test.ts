/** Every engine computes every kind of model: a whole text in one pass, step by step, and its gradient. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import type { ModelConfig } from '../../src/model/config.ts';
import { estimateMemory } from '../../src/model/memory.ts';
import { Network } from '../../src/model/network.ts';
import { NO_REGULARIZATION, type Regularization } from '../../src/model/regularization.ts';
import { largestDifference } from '../compare.ts';
import { type EngineKind, fastEngines } from '../engine/engines.ts';
import { eachKind } from '../formats/kinds.ts';
import { largestError, logProbabilities } from '../formats/log-probabilities.ts';

const TOKENS = Array.from({ length: 41 }, (_, step) => (step * step + 3 * step) % 6);
const SHAPE = { batchSize: 1, sequenceLength: TOKENS.length - 1 };
const BATCH = { inputs: Int32Array.from(TOKENS.slice(0, -1)), targets: Int32Array.from(TOKENS.slice(1)) };

for (const { name, checkpoint } of eachKind()) {
  test(`${name}: on every engine, a text has the same loss in one pass and step by step, and the same gradient`, async () => {
    const { config } = checkpoint;
    const expected = await logProbabilities(checkpoint, TOKENS);
    const loss = TOKENS.slice(1).reduce((sum, token, t) => sum - (expected[t * 6 + token] ?? 0), 0);
    const engines = [{ name: 'reference', make: async () => new ReferenceEngine('float32') }, ...fastEngines];
    let reference: ArrayLike<number> | undefined;
    for (const kind of engines) {
      const engine = await kind.make();
      const steps = await logProbabilities(checkpoint, TOKENS, engine);
      assert.ok(largestError(steps, expected) <= 5e-6, `${kind.name}: step by step`);
      const network = new Network(engine, config, SHAPE);
      const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
      engine.write(weights, checkpoint.parameters);
      network.evaluate(weights, BATCH, network.makeState());
      const [total] = await engine.read(network.loss);
      assert.ok(Math.abs((total as number) - loss) <= 1e-5 * loss, `${kind.name}: in one pass`);
      const regularization = {
        ...NO_REGULARIZATION,
        dropout: 0.25,
        weightDrop: 0.3,
        tokenDropout: 0.2,
        seed: 1,
        batch: 1,
      };
      network.lossAndGradient(weights, gradient, BATCH, network.makeState(), regularization);
      const values = await engine.read(gradient);
      reference ??= values;
      assert.ok(largestDifference(values, reference) <= 1e-4, `${kind.name}: gradient`);
      await engine.close();
    }
  });
}

const SOME: readonly Partial<Regularization>[] = [
  { dropout: 0.5 },
  { weightDrop: 0.5 },
  { tokenDropout: 0.5 },
];

test('regularization affects only the pass that it is given to', async () => {
  for (const { name, checkpoint } of eachKind())
    for (const some of SOME) {
      const engine = new ReferenceEngine('float64');
      const network = new Network(engine, checkpoint.config, SHAPE);
      const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
      engine.write(weights, checkpoint.parameters);
      const train = async (given?: Partial<Regularization>, iteration = 1) => {
        const regularization = given && { ...NO_REGULARIZATION, ...given, seed: 1, batch: iteration };
        network.lossAndGradient(weights, gradient, BATCH, network.makeState(), regularization);
        const [loss] = await engine.read(network.loss);
        return [loss, ...(await engine.read(gradient))];
      };
      const plain = await train();
      const dropped = await train(some);
      assert.notEqual(dropped[0], plain[0], name);
      network.evaluate(weights, BATCH, network.makeState());
      assert.equal((await engine.read(network.loss))[0], plain[0], name);
      assert.notEqual((await train(some, 3))[0], dropped[0], name);
      assert.deepEqual(await train(some), dropped, name);
      assert.deepEqual(await train({}), plain, name);
      assert.deepEqual(
        await engine.read(weights),
        Float64Array.from(checkpoint.parameters),
        'the weights stay',
      );
    }
});

test('the memory estimate includes an embedding', async () => {
  const shape = { batchSize: 50, sequenceLength: 50 };
  const memory = async (config: ModelConfig) => {
    const engine = await (fastEngines.at(-1) as EngineKind).make();
    const network = new Network(engine, config, shape);
    // The third vector stands for the optimizer's moment.
    const [weights, gradient] = Array.from({ length: 3 }, () => engine.vector(network.layout));
    assert.ok(weights && gradient);
    const batch = { inputs: new Int32Array(2500), targets: new Int32Array(2500) };
    network.lossAndGradient(weights, gradient, batch, network.makeState());
    await engine.read(network.loss);
    const used = engine.bytesInUse;
    await engine.close();
    return { estimated: estimateMemory(config, { precision: 'float32', ...shape, moments: 1 }), used };
  };
  const plain = { cell: 'lstm', layers: 2, hiddenSize: 128, vocabularySize: 90 } as const;
  const [without, embedded] = [await memory(plain), await memory({ ...plain, embeddingSize: 256 })];
  const [estimated, used] = [embedded.estimated - without.estimated, embedded.used - without.used];
  assert.ok(used > 5e6 && Math.abs(estimated / used - 1) < 0.25, `estimated ${estimated}, used ${used}`);
});

test('a released network leaves no memory in use on its engine', async () => {
  for (const { name, checkpoint } of eachKind()) {
    for (const purpose of ['training', 'evaluation'] as const) {
      const engine = new ReferenceEngine('float32');
      new Network(engine, checkpoint.config, SHAPE, purpose).release();
      assert.equal(engine.bytesInUse, 0, `${name}, for ${purpose}`);
    }
  }
});
