/** Rows that begin at another place in each epoch, and sequences of random lengths. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SplitOptions, splitCorpus } from '../../src/data/batches/splits.ts';
import type { Corpus } from '../../src/data/corpus.ts';
import { MemoryTokens, tokenArray } from '../../src/data/tokens/memory-tokens.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';

const OPTIONS: SplitOptions = {
  batchSize: 3,
  sequenceLength: 4,
  trainFraction: 0.8,
  validationFraction: 0.2,
  split: 'rows',
  random: { seed: 7, offset: true, length: false },
};

/** One bit per token, lowest bit first. */
function bitsOf(places: readonly number[], length: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(length / 8));
  for (const place of places) bits[place >> 3] = (bits[place >> 3] as number) | (1 << (place & 7));
  return bits;
}

/** A corpus of the tokens 0, 1, 2, …, so that each token is its own position. */
function counting(length: number, starts?: readonly number[]): Corpus {
  const tokens = new MemoryTokens(
    tokenArray(1e6, length).map((_, index) => index),
    starts && bitsOf(starts, length),
  );
  const vocabulary = new Vocabulary({
    ...{ kind: 'byte', normalize: 'none', symbols: ['a', 'b'], hasUnknown: false },
  });
  const text = { name: 'x', bytes: length, sha256: '', characters: length };
  return { vocabulary, tokens, validation: undefined, text, texts: {}, notices: [] };
}

/** Each row of an epoch, as one sequence, and the places of its resets. */
async function rowsOf(train: ReturnType<typeof splitCorpus>['train'], epoch: number) {
  const rows = Array.from({ length: train.batchSize }, () => ({
    inputs: [] as number[],
    targets: [] as number[],
    resets: [] as number[],
  }));
  for (let index = 0; index < train.count; index++) {
    const { inputs, targets, resets } = await train.batch(index, epoch);
    for (let at = 0; at < inputs.length; at++) {
      const row = rows[at % train.batchSize];
      if (resets?.[at]) row?.resets.push(row.inputs.length);
      row?.inputs.push(inputs[at] as number);
      row?.targets.push(targets[at] as number);
    }
  }
  return rows;
}

for (const split of ['rows', 'tail'] as const) {
  test(`${split}: in each epoch, every token of the training text is read once, at another place`, async () => {
    const corpus = counting(150);
    const plain = splitCorpus(corpus, { ...OPTIONS, split, random: undefined }).train;
    const { train, validation } = splitCorpus(corpus, { ...OPTIONS, split });
    assert.equal(train.count, plain.count);
    const ring = (await rowsOf(plain, 0)).flatMap(({ inputs }) => inputs);
    const begins = new Set<number>();
    for (const epoch of [0, 1, 2, 3, 50]) {
      const rows = await rowsOf(train, epoch);
      const all = rows.flatMap(({ inputs }) => inputs);
      assert.deepEqual(
        all.toSorted((a, b) => a - b),
        ring.toSorted((a, b) => a - b),
      );
      const shift = ring.indexOf(all[0] as number);
      begins.add(shift);
      assert.deepEqual(all, [...ring.slice(shift), ...ring.slice(0, shift)]);
      for (const { inputs, targets, resets } of rows) {
        const next = (token: number) => ring[(ring.indexOf(token) + 1) % ring.length];
        assert.deepEqual(targets, inputs.map(next), 'the target is the next token of the ring');
        const closes = inputs.indexOf(ring[0] as number);
        assert.deepEqual(resets, closes > 0 ? [0, closes] : [0]);
      }
      assert.deepEqual(await rowsOf(train, epoch), rows, 'the same each time');
    }
    assert.ok(begins.size >= 4, `${begins.size} different places`);
    // The held-out text is what it was.
    const held = splitCorpus(corpus, { ...OPTIONS, split, random: undefined }).validation;
    assert.deepEqual(await validation.batch(0), await held.batch(0));
  });
}

for (const split of ['rows', 'tail'] as const)
  for (const offset of [false, true])
    for (const starts of [undefined, [0, 10, 25, 100]]) {
      const what = `${split}, ${offset ? 'random' : 'fixed'} offsets, ${starts ? 'documents' : 'no documents'}`;
      test(`${what}: with random lengths, rows are the same, but cut at other places in each epoch`, async () => {
        const corpus = counting(400, starts);
        const shape = { ...OPTIONS, split, sequenceLength: 10 };
        const sourceOf = (length: boolean) =>
          splitCorpus(corpus, { ...shape, random: { seed: 7, offset, length } });
        const [equal, random] = [sourceOf(false), sourceOf(true)];
        assert.equal(random.train.count, equal.train.count);
        assert.equal(random.train.sequenceLength, 10);
        const cuts = new Set<string>();
        for (const epoch of [0, 1, 2, 1]) {
          assert.deepEqual(await rowsOf(random.train, epoch), await rowsOf(equal.train, epoch));
          const lengths: number[] = [];
          for (let index = 0; index < random.train.count; index++) {
            const { inputs, targets, resets } = await random.train.batch(index, epoch);
            assert.equal(targets.length, inputs.length);
            assert.equal(resets?.length ?? inputs.length, inputs.length);
            lengths.push(inputs.length / 3);
          }
          assert.ok(Math.max(...lengths) <= random.train.longest);
          cuts.add(lengths.join());
        }
        assert.equal(cuts.size, 3);
        assert.equal(random.validation.longest, 10);
        assert.deepEqual(await random.validation.batch(0), await equal.validation.batch(0));
      });
    }

test('states are reset at the starts of documents too', async () => {
  const { train } = splitCorpus(counting(60, [0, 10, 25]), { ...OPTIONS, split: 'tail' });
  for (const { inputs, resets } of await rowsOf(train, 1)) {
    const expected = [...inputs.keys()].filter(
      (at) => at === 0 || [0, 10, 25].includes(inputs[at] as number),
    );
    assert.deepEqual(resets, expected);
  }
});
