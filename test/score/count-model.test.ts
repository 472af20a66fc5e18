/** The count model against probabilities computed by hand, and against a naive implementation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BatchSource, Splits } from '../../src/data/batches/batches.ts';
import { splitCorpus } from '../../src/data/batches/splits.ts';
import { buildCorpus } from '../../src/data/corpus.ts';
import { CountModel } from '../../src/score/count-model/count-model.ts';
import {
  type CountLimits,
  type CountModelLoss,
  countModelLoss,
} from '../../src/score/count-model/count-model-loss.ts';
import { discountsFrom, FALLBACK_DISCOUNTS } from '../../src/score/count-model/discounts.ts';
import { PairMap } from '../../src/score/count-model/pair-map.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

/** A model of sequences. As in a split, the first symbol of each is only read. */
function modelOf(
  sequences: readonly (readonly number[])[],
  vocabularySize: number,
  order: number,
): CountModel {
  const model = new CountModel(vocabularySize, order);
  for (const sequence of sequences)
    for (let i = 1; i < sequence.length; i++)
      model.count(contextOf([model.boundary, ...sequence.slice(0, i)], order), sequence[i] as number);
  for (const _ of model.finish());
  return model;
}

/** The newest symbols of a history, the newest first; −1 before its start. */
function contextOf(history: readonly number[], order: number): Int32Array {
  return Int32Array.from({ length: order - 1 }, (_, i) => history.at(-1 - i) ?? -1);
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}, expected ${expected}`);
}

const [a, b] = [0, 1];

test('bigrams of abaa, computed by hand', () => {
  // Counts: ab 1, ba 1, aa 1. Different symbols before a: 2, before b: 1. All discounts are fallbacks: 0.5, 1, 1.5.
  const model = modelOf([[a, b, a, a]], 2, 2);
  const pA = (2 - 1 + 1.5 * 0.5) / 3;
  const pB = (1 - 0.5 + 1.5 * 0.5) / 3;
  near(model.probability(contextOf([a], 2), a), (0.5 + pA) / 2);
  near(model.probability(contextOf([a], 2), b), (0.5 + pB) / 2);
  near(model.probability(contextOf([b], 2), a), 0.5 + 0.5 * pA);
  near(model.probability(contextOf([b], 2), b), 0.5 * pB);
  assert.equal(model.ngrams, 5);
});

test('the start of a sequence keeps its counts in the text; an unknown context falls back entirely', () => {
  const model = modelOf(
    [
      [a, b],
      [a, b],
    ],
    2,
    3,
  );
  const pB = 0.5 + 0.5 * 0.5;
  // One symbol, the boundary, precedes ab; ab follows the boundary twice.
  const pBAfterA = 0.5 + 0.5 * pB;
  near(model.probability(contextOf([model.boundary, a], 3), b), (2 - 1 + pBAfterA) / 2);
  near(model.probability(contextOf([b, a], 3), b), pBAfterA);
  near(model.probability(contextOf([b, b], 3), b), pB);
});

test('discounts: the formula by hand; the fallback if a count of counts is zero or a discount negative', () => {
  discountsFrom([10, 5, 3, 2]).forEach((discount, i) => {
    near(discount, [0.5, 1.1, 3 - 4 / 3][i] as number);
  });
  assert.deepEqual(discountsFrom([10, 5, 3, 0]), FALLBACK_DISCOUNTS);
  assert.deepEqual(discountsFrom([0, 5, 3, 1]), FALLBACK_DISCOUNTS);
  assert.deepEqual(discountsFrom([10, 1, 30, 2]), FALLBACK_DISCOUNTS);
});

function randomText(length: number, symbols: string): string {
  const generator = new MersenneTwister(7);
  // Small letters are likelier.
  return Array.from(
    { length },
    () => symbols[Math.floor(symbols.length * generator.nextUniform() ** 2)],
  ).join('');
}

test('the probabilities in each context sum to 1', () => {
  const tokens = Array.from(randomText(4000, 'abcdefg'), (letter) => letter.charCodeAt(0) - 97);
  const size = 9;
  const model = modelOf([tokens.slice(0, 2500), tokens.slice(2500)], size, 5);
  const histories = tokens.slice(0, 300).map((_, i) => tokens.slice(i, i + 4));
  const others = [[], [model.boundary], [model.boundary, 2, 3], [8, 8, 8, 8], [8, 0, 0, 0], [0, 0, 0, 8]];
  for (const history of [...histories, ...others]) {
    let sum = 0;
    for (let symbol = 0; symbol < size; symbol++) {
      const probability = model.probability(contextOf(history, 5), symbol);
      assert.ok(probability > 0);
      sum += probability;
    }
    near(sum, 1);
  }
});

test('a map of pairs: values survive its growth', () => {
  const map = new PairMap(1000);
  const expected = new Map<string, number>();
  const generator = new MersenneTwister(3);
  for (let i = 0; i < 30_000; i++) {
    const [first, second] = [
      Math.floor(2e9 * generator.nextUniform() ** 9),
      Math.floor(1000 * generator.nextUniform()),
    ];
    const key = `${first} ${second}`;
    expected.set(key, (expected.get(key) ?? 0) + 1);
    assert.equal(map.add(first, second, 1), expected.get(key));
  }
  assert.equal(map.size, expected.size);
  let sum = 0;
  for (const _ of map.forEach((_first, value) => {
    sum += value;
  }));
  assert.equal(sum, 30_000);
  for (const [key, value] of expected) {
    const [first, second] = key.split(' ').map(Number) as [number, number];
    assert.equal(map.get(first, second), value);
  }
  assert.equal(map.get(5, 1000 - 1), expected.get('5 999') ?? 0);
});

async function lossOf(splits: Splits, size: number, limits?: CountLimits): Promise<CountModelLoss> {
  const steps = countModelLoss(splits, size, limits);
  for (;;) {
    const step = await steps.next();
    if (!step.done) continue;
    assert.ok(step.value);
    return step.value;
  }
}

/** The targets of a split, each with what precedes it since the last reset of its row. */
async function predictions(source: BatchSource): Promise<{ history: string[]; symbol: string }[]> {
  const histories = Array.from({ length: source.batchSize }, () => ['^']);
  const all: { history: string[]; symbol: string }[] = [];
  for (let index = 0; index < source.count; index++) {
    const { inputs, targets, resets } = await source.batch(index);
    for (let at = 0; at < inputs.length; at++) {
      const row = at % source.batchSize;
      if (resets?.[at]) histories[row] = ['^'];
      histories[row]?.push(String(inputs[at]));
      all.push({ history: histories[row]?.slice(-4) ?? [], symbol: String(targets[at]) });
    }
  }
  return all;
}

/** The same model, from the definition, with a map of n-grams as strings. */
async function naiveLoss({ train, validation }: Splits, vocabularySize: number): Promise<number> {
  const counts = new Map<string, number>();
  const before = new Map<string, Set<string>>();
  for (const { history, symbol } of await predictions(train)) {
    const ngram = [...history, symbol];
    counts.set(ngram.join(' '), (counts.get(ngram.join(' ')) ?? 0) + 1);
    for (let i = 1; i < ngram.length; i++) {
      const shorter = ngram.slice(i).join(' ');
      before.set(shorter, (before.get(shorter) ?? new Set()).add(ngram[i - 1] ?? ''));
    }
  }
  for (const [ngram, symbols] of before) if (!counts.has(ngram)) counts.set(ngram, symbols.size);
  const sizeOf = (ngram: string) => ngram.split(' ').length;
  const discounts = [1, 2, 3, 4, 5].map((size) => {
    const these = [...counts].filter(([ngram]) => sizeOf(ngram) === size);
    const [n1 = 0, n2 = 0, n3 = 0, n4 = 0] = [1, 2, 3, 4].map(
      (k) => these.filter(([, count]) => count === k).length,
    );
    return discountsFrom([n1, n2, n3, n4]);
  });
  const discountOf = (size: number, count: number) => discounts[size - 1]?.[Math.min(count, 3) - 1] ?? 0;
  const totals = new Map<string, { count: number; discounted: number }>();
  for (const [ngram, count] of counts) {
    const words = ngram.split(' ');
    const context = words.slice(0, -1).join(' ');
    const total = totals.get(context) ?? { count: 0, discounted: 0 };
    total.count += count;
    total.discounted += discountOf(words.length, count);
    totals.set(context, total);
  }
  const probability = (history: string[], symbol: string): number => {
    const shorter = history.length === 0 ? 1 / vocabularySize : probability(history.slice(1), symbol);
    const total = totals.get(history.join(' '));
    if (!total) return shorter;
    const count = counts.get([...history, symbol].join(' ')) ?? 0;
    const kept = count > 0 ? count - discountOf(history.length + 1, count) : 0;
    return (kept + total.discounted * shorter) / total.count;
  };
  const targets = await predictions(validation);
  return (
    targets.reduce((sum, { history, symbol }) => sum - Math.log(probability(history, symbol)), 0) /
    targets.length
  );
}

const shape = { batchSize: 3, sequenceLength: 10, trainFraction: 0.8, validationFraction: 0.2 };
const corpusOptions = { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error' } as const;
const text = randomText(3000, ' abcdef');

for (const { name, split, separator, held } of [
  { name: 'rows', split: 'rows' },
  { name: 'tail', split: 'tail' },
  { name: 'rows with documents', split: 'rows', separator: 'c' },
  { name: 'tail with documents', split: 'tail', separator: ' ' },
  { name: 'a validation text', split: 'rows', held: text.slice(100, 700) },
] as const) {
  test(`the loss is that of a naive model: ${name}`, async () => {
    const validation = held === undefined ? undefined : { text: held, name: 'held out' };
    const corpus = await buildCorpus({ text, name: 'text', validation }, { ...corpusOptions, separator });
    const splits = splitCorpus(corpus, { ...shape, split });
    const { size } = corpus.vocabulary;
    const found = await lossOf(splits, size);
    near(found.loss, await naiveLoss(splits, size));
    assert.equal(found.trainTokens, splits.train.count * 30);
    assert.equal(found.validationTokens, splits.validation.count * 30);
    assert.equal(found.order, 5);
  });
}

test('limits: the model is fitted to the last batches', async () => {
  const corpus = await buildCorpus({ text, name: 'text' }, corpusOptions);
  const splits = splitCorpus(corpus, { ...shape, split: 'rows' });
  const { train } = splits;
  const last: BatchSource = {
    ...{ ...shape, longest: shape.sequenceLength, count: 20 },
    batch: (index) => train.batch(train.count - 20 + index),
  };
  const limited = await lossOf(splits, corpus.vocabulary.size, { symbols: 629, ngrams: 1e6 });
  assert.equal(limited.trainTokens, 600);
  near(limited.loss, await naiveLoss({ ...splits, train: last }, corpus.vocabulary.size));
  const few = await lossOf(splits, corpus.vocabulary.size, { symbols: 1e6, ngrams: 500 });
  assert.ok(
    few.trainTokens < 600 && few.trainTokens % 30 === 0 && few.loss > limited.loss,
    JSON.stringify(few),
  );
  const none = await lossOf(splits, corpus.vocabulary.size, { symbols: 1, ngrams: 1 });
  assert.equal(none.trainTokens, 30);
});

test('a text of one symbol, of two, and one in which no n-gram repeats', async () => {
  const losses: number[] = [];
  for (const letters of ['a', 'ab']) {
    const source = (count: number): BatchSource => ({
      ...{ batchSize: 1, sequenceLength: 4, longest: 4, count },
      batch: async () => ({
        inputs: Int32Array.from([0, 1, 0, 1], (token) => token % letters.length),
        targets: Int32Array.from([1, 0, 1, 0], (token) => token % letters.length),
      }),
    });
    const splits = { train: source(3), validation: source(2), test: source(0) };
    losses.push((await lossOf(splits, letters.length)).loss);
  }
  assert.equal(Math.abs(losses[0] as number), 0);
  assert.ok((losses[1] as number) > 0 && (losses[1] as number) < 0.2, String(losses[1]));
  const different = Array.from({ length: 400 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('');
  const corpus = await buildCorpus({ text: different, name: 'text' }, corpusOptions);
  const { loss } = await lossOf(splitCorpus(corpus, { ...shape, split: 'tail' }), 400);
  assert.ok(Number.isFinite(loss) && loss > Math.log(400), String(loss));
});
