/** The fitted temperature of a model's predictions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { equalCuts } from '../../src/data/batches/cuts.ts';
import { RowBatches } from '../../src/data/batches/row-batches.ts';
import { MemoryTokens } from '../../src/data/tokens/memory-tokens.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { EngineName } from '../../src/engine/names.ts';
import { makeEngine } from '../../src/engine/select.node.ts';
import { OptionError, TextError } from '../../src/errors.ts';
import { LanguageModel } from '../../src/index.ts';
import { atTemperature } from '../../src/model/temperature.ts';
import {
  fitTemperature,
  type PredictedText,
  splitToPredict,
  textToPredict,
} from '../../src/score/fit-temperature.ts';
import { bestTemperature, natsAt, type Predictions } from '../../src/score/temperature.ts';
import { runInTurns } from '../../src/util/event-loop.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const vocabulary = new Vocabulary({
  kind: 'character',
  normalize: 'none',
  symbols: [...' abcde'],
  hasUnknown: false,
});
/** Its predictions are not all alike. */
const checkpoint = atTemperature(madeCheckpoint({ vocabulary, hiddenSize: 6 }), 1 / 20);
const V = checkpoint.config.vocabularySize;

/** A text that the model itself wrote at a temperature, so that this one predicts it best. */
async function written(temperature: number, length = 6_000): Promise<string> {
  const model = new LanguageModel(checkpoint);
  let text = '';
  for await (const piece of model.generate({ length, temperature, seed: 3 })) text += piece;
  await model.close();
  return text;
}

function best(predictions: Predictions): Promise<number> {
  return runInTurns(bestTemperature(predictions));
}

function randomPredictions(count: number, targetOf: (n: number, row: Float64Array) => number): Predictions {
  const random = new MersenneTwister(count);
  const logits = Float64Array.from({ length: count * 4 }, () => 6 * random.nextUniform());
  const targets = Int32Array.from({ length: count }, (_, n) =>
    targetOf(n, logits.subarray(4 * n, 4 * n + 4)),
  );
  return { logits, targets, vocabularySize: 4 };
}

test('no other temperature has a lower loss, which is that of a naive computation', async () => {
  // The symbol with the highest logit comes half of the time.
  const predictions = randomPredictions(500, (n, row) => (n % 2 ? row.indexOf(Math.max(...row)) : n % 4));
  const naive = (temperature: number) => {
    let sum = 0;
    predictions.targets.forEach((target, n) => {
      const weights = [...predictions.logits.subarray(4 * n, 4 * n + 4)].map((z) =>
        Math.exp(z / temperature),
      );
      const total = weights.reduce((all, weight) => all + weight, 0);
      sum -= Math.log((weights[target] as number) / total);
    });
    return sum;
  };
  const temperature = await best(predictions);
  assert.ok(temperature > 1.1 && temperature < 9, `${temperature}`);
  const loss = naive(temperature);
  for (const other of [0.5, 1, temperature - 0.01, temperature + 0.01, 5, 9]) {
    assert.ok(naive(other) > loss, `${other}`);
    const nats = await runInTurns(natsAt(predictions, other));
    assert.ok(Math.abs(nats - naive(other)) < 1e-9 * nats);
  }
});

test('predictions that are always right or always wrong reach the ends of the range; equal ones leave 1', async () => {
  assert.equal(await best(randomPredictions(50, (_, row) => row.indexOf(Math.max(...row)))), 0.1);
  assert.equal(await best(randomPredictions(50, (_, row) => row.indexOf(Math.min(...row)))), 10);
  const { targets } = randomPredictions(50, (n) => n % 4);
  assert.equal(await best({ logits: new Float32Array(200).fill(3), targets, vocabularySize: 4 }), 1);
  // Exponentials of such logits overflow.
  const large = randomPredictions(50, (n) => n % 4);
  const temperature = await best({ ...large, logits: large.logits.map((z) => z * 1e6) });
  assert.equal(temperature, 10);
});

test('a text that the model wrote at a temperature has this temperature', async () => {
  const model = new LanguageModel(checkpoint);
  for (const temperature of [0.6, 1, 1.8]) {
    const { temperature: found } = await model.fitTemperature(await written(temperature));
    assert.ok(Math.abs(found / temperature - 1) < 0.06, `${found}, not ${temperature}`);
  }
  await model.close();
});

test('logits twice as large: the temperature is twice as high, with the same lowest loss', async () => {
  const text = await written(1.4);
  const [model, doubled] = [checkpoint, atTemperature(checkpoint, 0.5)].map(
    (made) => new LanguageModel(made),
  );
  const one = await model?.fitTemperature(text);
  const two = await doubled?.fitTemperature(text);
  assert.ok(one && two);
  assert.ok(Math.abs(two.temperature / one.temperature - 2) < 2e-3, `${one.temperature}, ${two.temperature}`);
  assert.ok(Math.abs(two.after.natsPerCharacter - one.after.natsPerCharacter) < 1e-6);
  assert.ok(two.before.nats > one.before.nats + 1);
  await Promise.all([model?.close(), doubled?.close()]);
});

test('the losses are those of `score` without and with the temperature, in any number of rows', async () => {
  const model = new LanguageModel(checkpoint);
  const text = await written(1.4, 1_500);
  for (const rows of [1, 4]) {
    const fractions: number[] = [];
    const fit = await model.fitTemperature(text, {
      rows,
      onProgress: (fraction) => fractions.push(fraction),
    });
    const { temperature, before, after } = fit;
    assert.equal(fractions.at(-1), 1);
    assert.ok(after.nats < before.nats);
    for (const [wanted, options] of [
      [before, {}],
      [after, { temperature }],
    ] as const) {
      const score = await model.score(text, { rows, ...options });
      assert.equal(wanted.characters, score.characters);
      assert.ok(Math.abs(score.nats / wanted.nats - 1) < 1e-5, `${score.nats}, ${wanted.nats}`);
    }
  }
  // A temperature of 1 leaves every bit as it is.
  assert.deepEqual(await model.score(text, { temperature: 1 }), await model.score(text));
  await model.close();
});

async function fitOn(name: EngineName, made: Checkpoint, text: () => PredictedText, limit?: number) {
  const precision = name === 'reference' ? 'float64' : 'float32';
  const { engine }: { engine: Engine } = await makeEngine({ engine: name, precision });
  try {
    return await fitTemperature({ engine, ...made, text: text(), limit });
  } finally {
    await engine.close();
  }
}

/** The tokens of a text that the model wrote. */
async function writtenTokens(length: number): Promise<Int32Array> {
  return Int32Array.from(await written(1.4, length), (symbol) => vocabulary.symbols.indexOf(symbol));
}

test('the native engine and WebAssembly give the same bits, and the reference engine nearly the same', async () => {
  const tokens = await writtenTokens(2_001);
  const text = () => textToPredict(tokens, 3);
  const native = await fitOn('auto', checkpoint, text);
  assert.deepEqual(await fitOn('wasm', checkpoint, text), native);
  const reference = await fitOn('reference', checkpoint, text);
  assert.ok(Math.abs(reference.temperature / native.temperature - 1) < 1e-3);
  assert.ok(Math.abs(reference.after.nats / native.after.nats - 1) < 1e-5);
});

test('a split in batches: every position counts; with a limit, the first ones do', async () => {
  const rows = { tokens: new MemoryTokens(await writtenTokens(3_000)), offset: 0, length: 3_000 };
  const split = (count: number) => () => splitToPredict(new RowBatches(rows, 5, equalCuts(20, 0, count)));
  const all = await fitOn('reference', checkpoint, split(30));
  assert.equal(all.before.characters, 3_000);
  const some = await fitOn('reference', checkpoint, split(4));
  assert.notEqual(some.temperature, all.temperature);
  assert.deepEqual(await fitOn('reference', checkpoint, split(30), 400 * V + 1), some);
  assert.equal((await fitOn('reference', checkpoint, split(30), 123 * V)).before.characters, 123);
  assert.equal((await fitOn('reference', checkpoint, split(30), 1)).before.characters, 1);
});

test('only the decoder changes, in a copy', () => {
  for (const [cell, embeddingSize] of [
    ['lstm', undefined],
    ['gru', 4],
    ['rnn', undefined],
  ] as const) {
    const made = madeCheckpoint({ cell, embeddingSize });
    assert.equal(atTemperature(made, 1), made);
    const before = made.parameters.slice();
    const { parameters } = atTemperature(made, 2);
    assert.deepEqual(made.parameters, before);
    const decoder = V * (made.config.hiddenSize + 1);
    const at = before.length - decoder;
    assert.deepEqual(parameters.subarray(0, at), before.subarray(0, at));
    assert.deepEqual(
      parameters.subarray(at),
      before.subarray(at).map((value) => value / 2),
    );
  }
});

test('invalid input', async () => {
  const model = new LanguageModel(checkpoint);
  for (const temperature of [0, -1, 0.001, 1_000, Number.NaN]) {
    await assert.rejects(model.score('a\na', { temperature }), OptionError);
  }
  await assert.rejects(model.score('a\na', { temperature: 2, dynamic: true }), (error: unknown) => {
    assert.ok(error instanceof OptionError);
    assert.match(error.message, /^temperature: .* expected 1 with `dynamic`/);
    return true;
  });
  await assert.rejects(model.fitTemperature('a'), (error: unknown) => {
    assert.ok(error instanceof TextError && error.code === 'text-too-short');
    return true;
  });
  const stopped = AbortSignal.abort(new Error('stopped'));
  await assert.rejects(model.fitTemperature('a\na\na', { signal: stopped }), /stopped/);
  await model.close();
});
