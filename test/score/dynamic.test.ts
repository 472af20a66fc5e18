import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryTokens } from '../../src/data/tokens/memory-tokens.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import type { FloatArray } from '../../src/engine/engine.ts';
import type { EngineName } from '../../src/engine/names.ts';
import { makeEngine } from '../../src/engine/select.node.ts';
import { Network } from '../../src/model/network.ts';
import { scoreDynamically } from '../../src/score/dynamic.ts';
import { scoreSequences } from '../../src/score/score-sequences.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const symbols = [...' abcde'];
const vocabulary = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });
const { config, parameters } = madeCheckpoint({ vocabulary });
const repeated = Int32Array.from({ length: 3_001 }, (_, i) => [1, 2, 3, 1, 5][i % 5] as number);
const sequences = [
  { first: 0, count: 2_000 },
  { first: 2_000, count: 13 },
  { first: 0, count: 2_000 },
];

async function sums(
  learningRate: number | undefined,
  meanSquare?: FloatArray,
  name: EngineName = 'auto',
): Promise<Float64Array> {
  const { engine } = await makeEngine({ engine: name, precision: 'float32' });
  const tokens = new MemoryTokens(repeated);
  const steps = scoreDynamically({ engine, config, parameters, meanSquare, tokens, sequences, learningRate });
  let step = await steps.next();
  while (!step.done) step = await steps.next();
  await engine.close();
  return step.value;
}

async function fixedWeights(): Promise<Float64Array> {
  const { engine } = await makeEngine({ engine: 'auto', precision: 'float32' });
  const nats = new Float64Array(sequences.length);
  const tokens = new MemoryTokens(repeated);
  for await (const run of scoreSequences({ engine, config, parameters, tokens, sequences, rows: 1 })) {
    for (const loss of run.losses) nats[run.sequence] = (nats[run.sequence] as number) + loss;
  }
  await engine.close();
  return nats;
}

for (const [kind, square] of [
  ['a running mean square', undefined],
  ['the mean square of the training text', madeCheckpoint({ vocabulary }).meanSquare?.map((m) => m / 1e3)],
] as const) {
  test(`${kind}: the model learns a repetitive text while reading it; each sequence starts with the original weights`, async () => {
    const adapted = await sums(1e-2, square);
    const plain = await fixedWeights();
    assert.ok((adapted[0] as number) < 0.85 * (plain[0] as number), `${adapted[0]} of ${plain[0]}`);
    assert.equal(adapted[2], adapted[0]);
    // Shorter than a block between updates: nothing is learned, and nothing is left of the previous sequence.
    assert.ok(Math.abs((adapted[1] as number) - (plain[1] as number)) < 1e-4);
  });

  test(`${kind}: with a tiny learning rate, the losses are those of fixed weights`, async () => {
    const adapted = await sums(1e-12, square);
    (await fixedWeights()).forEach((nats, i) => {
      assert.ok(Math.abs((adapted[i] as number) - nats) < 1e-3);
    });
  });

  test(`${kind}: the native engine and WebAssembly give the same bits`, async () => {
    assert.deepEqual(await sums(undefined, square, 'wasm'), await sums(undefined, square));
  });
}

test('an update is that of the paper, for the gradient of the mean loss', async () => {
  const { engine } = await makeEngine({ engine: 'reference', precision: 'float64' });
  const meanSquare = madeCheckpoint({ vocabulary, iteration: 9 }).meanSquare as FloatArray;
  const tokens = new MemoryTokens(repeated);
  const steps = scoreDynamically({
    ...{ engine, config, parameters, meanSquare, tokens, learningRate: 0.1 },
    sequences: [{ first: 0, count: 60 }],
  });
  let step = await steps.next();
  while (!step.done) step = await steps.next();

  const network = new Network(engine, config, { batchSize: 1, sequenceLength: 20 });
  const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
  const state = network.makeState();
  let w = Float64Array.from(parameters);
  let nats = 0;
  for (let start = 0; start < 60; start += 20) {
    engine.write(weights, w);
    const [inputs, targets] = [repeated.slice(start, start + 20), repeated.slice(start + 1, start + 21)];
    network.lossAndGradient(weights, gradient, { inputs, targets }, state);
    nats += (await engine.read(network.loss))[0] as number;
    const sum = await engine.read(gradient);
    w = w.map((value, i) => {
      const moved = value - (0.1 * (sum[i] as number)) / 20 / (Math.sqrt(meanSquare[i] as number) + 3e-4);
      return moved + 0.001 * ((parameters[i] as number) - moved);
    });
  }
  assert.ok(Math.abs((step.value[0] as number) - nats) < 1e-9, `${step.value[0]}, expected ${nats}`);
  await engine.close();
});
