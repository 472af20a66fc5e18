import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryTokens } from '../../src/data/tokens/memory-tokens.ts';
import type { Engine, FloatArray } from '../../src/engine/engine.ts';
import type { EngineName } from '../../src/engine/names.ts';
import { makeEngine } from '../../src/engine/select.node.ts';
import { TextError } from '../../src/errors.ts';
import { LanguageModel } from '../../src/index.ts';
import { Network } from '../../src/model/network.ts';
import { meanSquareGradient } from '../../src/score/mean-square.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const { config, parameters } = madeCheckpoint({ layers: 1, hiddenSize: 4 });
const V = config.vocabularySize;
const tokens = Int32Array.from({ length: 400_000 }, (_, i) => (i * i + (i >> 3)) % V);

async function measured(
  length: number,
  { offset = 0, name = 'reference' as EngineName, onProgress = (_: number, __: number) => {} } = {},
): Promise<FloatArray> {
  const precision = name === 'reference' ? 'float64' : 'float32';
  const { engine } = await makeEngine({ engine: name, precision });
  const text = { tokens: new MemoryTokens(tokens), offset, length };
  try {
    return await meanSquareGradient({ engine, config, parameters, text, name: 'a text', onProgress });
  } finally {
    await engine.close();
  }
}

/** The loss of a batch per position, with one parameter changed by `delta`. */
async function meanLoss(engine: Engine, network: Network, index: number, delta: number, inputs: Int32Array) {
  const changed = Float64Array.from(parameters);
  changed[index] = (changed[index] as number) + delta;
  const weights = engine.vector(network.layout);
  engine.write(weights, changed);
  const state = network.makeState();
  const targets = Int32Array.from({ length: 40 }, (_, i) => tokens[rowStart(i) + 1] as number);
  network.evaluate(weights, { inputs, targets }, state);
  const losses = await engine.read(network.loss);
  return Array.from(losses.slice(1)).reduce((sum, loss) => sum + loss, 0) / 40;
}
/** Two rows of 20 steps, time first. */
const rowStart = (i: number) => (i % 2) * 20 + (i >> 1);

test('for one batch, it is the square of the derivative of the loss per character', async () => {
  const square = await measured(40);
  const { engine } = await makeEngine({ engine: 'reference', precision: 'float64' });
  const network = new Network(engine, config, { batchSize: 2, sequenceLength: 20 }, 'evaluation');
  const inputs = Int32Array.from({ length: 40 }, (_, i) => tokens[rowStart(i)] as number);
  // The target of the last character is the first one of the text.
  const last = tokens[40];
  tokens[40] = tokens[0] as number;
  for (const index of [0, 5, 60, 130, parameters.length - 1]) {
    const up = await meanLoss(engine, network, index, 1e-5, inputs);
    const down = await meanLoss(engine, network, index, -1e-5, inputs);
    const expected = ((up - down) / 2e-5) ** 2;
    const found = square[index] as number;
    assert.ok(Math.abs(found - expected) < 1e-6 * (expected + 1e-6), `${index}: ${found}, not ${expected}`);
  }
  tokens[40] = last as number;
  await engine.close();
});

test('it is a mean over all batches of a short text, and over 200 spread over a long one', async () => {
  for (const [length, batches] of [
    [32 * 20 * 3, 3],
    [32 * 20 * 200 + 7, 200],
    [390_000, 200],
  ] as const) {
    const all: number[] = [];
    await measured(length, { name: 'auto', onProgress: (done, count) => all.push(done / count) });
    assert.equal(all.length, batches);
    assert.equal(all.at(-1), 1);
  }
  // The last batches of the rows count: a text that differs only there has another mean square.
  const before = await measured(390_000, { name: 'auto' });
  const end = 390_000 - (390_000 % 640);
  tokens.fill(1, end - 100, end);
  assert.notDeepEqual(await measured(390_000, { name: 'auto' }), before);
});

test('the native engine and WebAssembly give the same bits', async () => {
  assert.deepEqual(await measured(5_000, { name: 'wasm' }), await measured(5_000, { name: 'auto' }));
});

test('a text of fewer than 20 characters is too short', async () => {
  const square = await measured(20);
  assert.ok(
    square.every((value) => Number.isFinite(value) && value >= 0) && square.some((value) => value > 0),
  );
  await assert.rejects(measured(19), (error: unknown) => {
    assert.ok(error instanceof TextError && error.code === 'text-too-short');
    assert.match(error.message, / has 19 characters: measuring the gradient needs at least 20\.$/);
    return true;
  });
});

test('in the library: a checkpoint with statistics, which dynamic evaluation uses', async () => {
  const { meanSquare: _, ...made } = madeCheckpoint();
  const notices: string[] = [];
  const onNotice = (notice: string) => notices.push(notice);
  const model = new LanguageModel(made);
  const text = 'a\n€é'.repeat(60);
  const fractions: number[] = [];
  const checkpoint = await model.withMeanSquare(text, { onProgress: (fraction) => fractions.push(fraction) });
  assert.equal(fractions.at(-1), 1);
  const running = await model.score(text, { dynamic: true, onNotice });
  assert.match(notices.join(), /no statistics/);
  const again = new LanguageModel(checkpoint);
  const adapted = await again.score(text, { dynamic: true, dynamicRate: 0.01, onNotice });
  assert.equal(notices.length, 1);
  assert.equal(adapted.nats, running.nats);
  assert.equal(adapted.dynamic?.characters, adapted.characters);
  assert.ok((adapted.dynamic?.nats ?? 0) < adapted.nats);
  assert.notEqual(adapted.dynamic?.nats, running.dynamic?.nats);
  assert.equal((await model.score(text)).dynamic, undefined);
  // Stored, and read back.
  const read = LanguageModel.fromBytes(again.toBytes());
  assert.deepEqual(read.checkpoint.meanSquare, checkpoint.meanSquare);
  await Promise.all([model.close(), again.close(), read.close()]);
});
