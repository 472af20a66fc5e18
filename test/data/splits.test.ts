import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BatchSource } from '../../src/data/batches/batches.ts';
import { fitShape, type SplitOptions, splitCorpus, splitWarnings } from '../../src/data/batches/splits.ts';
import { buildCorpus, type Corpus } from '../../src/data/corpus.ts';
import { MemoryTokens, tokenArray } from '../../src/data/tokens/memory-tokens.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';

const defaults: SplitOptions = {
  batchSize: 2,
  sequenceLength: 3,
  trainFraction: 0.95,
  validationFraction: 0.05,
  split: 'rows',
};

/** A corpus of the tokens 0, 1, 2, …, so that each token is its own position. */
function counting(length: number, heldOut?: number): Corpus {
  const tokens = new MemoryTokens(tokenArray(1e6, length).map((_, index) => index));
  const vocabulary = new Vocabulary({
    kind: 'byte',
    normalize: 'none',
    symbols: ['a', 'b'],
    hasUnknown: false,
  });
  const text = { name: 'x', bytes: length, sha256: '', characters: length };
  const validation =
    heldOut === undefined
      ? undefined
      : new MemoryTokens(tokenArray(1e6, heldOut).map((_, index) => 1000 + index));
  return { vocabulary, tokens, validation, text, texts: {}, notices: [] };
}

async function batch(source: BatchSource, index: number) {
  const { inputs, targets } = await source.batch(index);
  return { inputs: [...inputs], targets: [...targets] };
}

test("the batches are the original's, target by target", async () => {
  const fixtures = new URL('../fixtures/original/', import.meta.url);
  const text = readFileSync(new URL('harbour.txt', fixtures));
  const fixture = JSON.parse(readFileSync(new URL('training/lstm12x2.json', fixtures), 'utf8'));
  const corpus = await buildCorpus(
    { text, name: 'harbour.txt' },
    { tokens: 'byte', normalize: 'none', minCount: 1, unknown: 'error' },
  );
  // The original numbers bytes by their first appearance; the mapping must be one to one.
  const mapping = new Map<number, number>();
  const { train } = splitCorpus(corpus, { ...defaults, batchSize: 5, sequenceLength: 10 });
  for (const [index, original] of (fixture.batches as { x: number[][]; y: number[][] }[]).entries()) {
    const { inputs, targets } = await batch(train, index % train.count);
    for (const [ours, theirs] of [
      [inputs, original.x],
      [targets, original.y],
    ] as const) {
      for (const [row, columns] of theirs.entries()) {
        for (const [t, theirToken] of columns.entries()) {
          const ourToken = ours[t * 5 + row] as number;
          assert.equal(
            mapping.get(theirToken) ?? ourToken,
            ourToken,
            `batch ${index}, row ${row}, step ${t}`,
          );
          mapping.set(theirToken, ourToken);
        }
      }
    }
  }
  assert.equal(new Set(mapping.values()).size, mapping.size);
});

test('rows: every row is a stretch of text, and its end belongs to the next split', async () => {
  const {
    train,
    validation,
    test: rest,
  } = splitCorpus(counting(61), { ...defaults, trainFraction: 0.8, validationFraction: 0.1 });
  assert.deepEqual([train.count, validation.count, rest.count], [8, 1, 1]);
  assert.deepEqual(await batch(train, 0), { inputs: [0, 30, 1, 31, 2, 32], targets: [1, 31, 2, 32, 3, 33] });
  assert.deepEqual((await batch(validation, 0)).inputs, [24, 54, 25, 55, 26, 56]);
  // The last target of the last row is the first token, as in the original.
  assert.deepEqual((await batch(rest, 0)).targets, [28, 58, 29, 59, 30, 0]);
  await assert.rejects(train.batch(8), RangeError);
});

test('rows: without a test fraction, validation gets all that training leaves', () => {
  const { train, validation, test: rest } = splitCorpus(counting(60), defaults);
  assert.deepEqual([train.count, validation.count, rest.count], [9, 1, 0]);
});

test('tail: holds out the end of the text, and divides each part into rows', async () => {
  const options = { ...defaults, split: 'tail', trainFraction: 0.5, validationFraction: 0.25 } as const;
  const { train, validation, test: rest } = splitCorpus(counting(101), options);
  assert.deepEqual([train.count, validation.count, rest.count], [8, 4, 4]);
  assert.deepEqual((await batch(train, 0)).inputs, [0, 24, 1, 25, 2, 26]);
  assert.deepEqual((await batch(validation, 0)).inputs, [50, 62, 51, 63, 52, 64]);
  assert.deepEqual((await batch(rest, 0)).inputs, [75, 87, 76, 88, 77, 89]);
});

test('files: trains on all of the text, and ignores the fractions', async () => {
  const options = { ...defaults, trainFraction: 0.1 };
  const { train, validation } = splitCorpus(counting(60, 13), options);
  assert.deepEqual([train.count, validation.count], [10, 2]);
  assert.deepEqual((await batch(validation, 0)).inputs, [1000, 1006, 1001, 1007, 1002, 1008]);
});

test('too short for a batch: the error suggests a shape, which fits', () => {
  const shape = { batchSize: 50, sequenceLength: 50 };
  const corpus = counting(400);
  assert.throws(
    () => splitCorpus(corpus, { ...defaults, ...shape }),
    (error: Error) => {
      assert.match(error.message, /400 bytes.*50 bytes \(2,500\)/s);
      const [, batchSize, sequenceLength] =
        /batches of (\d+) × (\d+), which suit it: fit: true/.exec(error.message) ?? [];
      const splits = splitCorpus(corpus, {
        ...defaults,
        batchSize: Number(batchSize),
        sequenceLength: Number(sequenceLength),
      });
      return splits.train.count > 0 && splits.validation.count > 0;
    },
  );
});

test('an empty training split is an error; no validation is a warning', () => {
  assert.throws(
    () => splitCorpus(counting(60), { ...defaults, trainFraction: 0.05, validationFraction: 0.9 }),
    {
      code: 'text-no-training-split',
    },
  );
  const options = { ...defaults, trainFraction: 1, validationFraction: 0 };
  const codes = splitWarnings(splitCorpus(counting(600), options), options, counting(600)).map(
    ({ code }) => code,
  );
  assert.deepEqual(codes, ['no-validation']);
});

test('warns of a held-out text that is too short for a batch', () => {
  const options = { ...defaults, trainFraction: 0.9, validationFraction: 0.05 };
  const messages = (corpus: Corpus, given: SplitOptions = options) =>
    splitWarnings(splitCorpus(corpus, given), given, corpus).map(({ message }) => message);
  const short = counting(600, 5);
  const size = `${options.batchSize} × ${options.sequenceLength}`;
  assert.deepEqual(messages(short), [
    `the validation text has 5 bytes, too few for one batch of ${size} (${options.batchSize * options.sequenceLength}): training continues without evaluation.`,
  ]);
  // The held-out shape decides.
  assert.match(
    messages(short, { ...options, heldOut: { batchSize: 3, sequenceLength: 2 } })[0] ?? '',
    /of 3 × 2 \(6\)/,
  );
  assert.deepEqual(messages(short, { ...options, heldOut: { batchSize: 1, sequenceLength: 5 } }), []);
  const { validation: test, ...rest } = counting(600, 600);
  assert.deepEqual(messages({ ...rest, test }), [
    'there is no validation data: training continues without evaluation. To get some, set a separate text (`validation`).',
  ]);
  const { validation: shortTest, ...others } = short;
  assert.match(messages({ ...others, test: shortTest })[1] ?? '', /^the test text has 5 bytes, too few/);
});

test('warns of few batches, and of fractions above one', () => {
  const options = { ...defaults, trainFraction: 0.9, validationFraction: 0.3 };
  const codes = splitWarnings(splitCorpus(counting(60), options), options, counting(60)).map(
    ({ code }) => code,
  );
  assert.deepEqual(codes, ['few-batches', 'fractions-above-one']);
});

test('--fit finds a shape for any text of a few characters or more, never a larger shape', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20_000 }), (length) => {
      const options = { ...defaults, batchSize: 50, sequenceLength: 50 };
      const shape = fitShape(counting(length), options);
      assert.ok(shape.batchSize <= 50 && shape.sequenceLength <= 50);
      const { train, validation } = splitCorpus(counting(length), { ...options, ...shape });
      assert.ok(train.count > 0 && validation.count > 0, `${length} characters as ${JSON.stringify(shape)}`);
    }),
  );
  assert.deepEqual(fitShape(counting(1e6), { ...defaults, batchSize: 50, sequenceLength: 50 }), {
    batchSize: 50,
    sequenceLength: 50,
  });
});
