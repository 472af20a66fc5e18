import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryTokens } from '../../src/data/tokens/memory-tokens.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { ByteBlocks, blockBytesFor, mapBytes } from '../../src/score/byte-blocks.ts';
import { checkComparable, compareModels } from '../../src/score/comparison.ts';
import { documentSequences, rowSequences } from '../../src/score/sequences.ts';

const plain = { normalize: 'none', hasUnknown: false } as const;
const characters = new Vocabulary({ kind: 'character', symbols: ['a', 'b', '\u00e9', '\u20ac'], ...plain });
const bytes = new Vocabulary({ kind: 'byte', symbols: [...'ab\u0082\u00a9\u00ac\u00c3\u00e2'], ...plain });

/** The byte map of a text, and made-up losses for its tokens, as a function of their byte offset. */
async function measure(text: string, vocabulary: Vocabulary, rows: number, nats: (offset: number) => number) {
  const symbols = vocabulary.kind === 'byte' ? [...Buffer.from(text).toString('latin1')] : [...text];
  const ids = Int32Array.from(symbols, (symbol) => vocabulary.tokenOf(symbol) as number);
  const sequences = rowSequences(ids.length, rows);
  const map = await mapBytes(new MemoryTokens(ids), vocabulary, sequences);
  const offsets: number[] = [];
  let at = 0;
  for (const id of ids) {
    offsets.push(at);
    at += vocabulary.bytesOf(id).length;
  }
  const runs = sequences.map(({ first, count }, sequence) => ({
    sequence,
    target: first + 1,
    tokens: ids.slice(first + 1, first + 1 + count),
    losses: Float64Array.from({ length: count }, (_, i) => nats(offsets[first + 1 + i] as number)),
  }));
  return { map, runs };
}

test('losses are added to the blocks of their bytes, for any symbols and number of rows', async () => {
  const text = 'ab\u20acab\u00e9ab\u20acb';
  for (const rows of [1, 2, 3]) {
    const byCharacter = await measure(text, characters, rows, (offset) => offset);
    assert.equal(byCharacter.map.bytes, 15);
    assert.equal(byCharacter.map.firstBytes, 1);
    const blocks = new ByteBlocks(
      byCharacter.map,
      5,
      byCharacter.map.starts.map(() => 1),
    );
    for (const run of byCharacter.runs) blocks.add(run);
    assert.deepEqual([...blocks.nats], [1 + 2, 5 + 6 + 7 + 9, 10 + 11 + 14]);
    assert.deepEqual([...blocks.symbols], [2, 4, 3]);
    assert.deepEqual([...blocks.bytes], [4, 5, 5]);
    const byByte = await measure(text, bytes, rows, (offset) => offset);
    const fine = new ByteBlocks(
      byByte.map,
      5,
      byByte.map.starts.map(() => 1),
    );
    for (const run of byByte.runs) fine.add(run);
    assert.deepEqual([...fine.nats], [1 + 2 + 3 + 4, 5 + 6 + 7 + 8 + 9, 10 + 11 + 12 + 13 + 14]);
  }
});

test('each sequence skips its own bytes; a document of one symbol at the end has nothing to predict', async () => {
  const ids = Int32Array.from('ab\u20acab\u20ac', (symbol) => characters.tokenOf(symbol) as number);
  const documents = documentSequences([
    { start: 0, end: 2 },
    { start: 2, end: 5 },
    { start: 5, end: 6 },
  ]);
  const map = await mapBytes(new MemoryTokens(ids), characters, documents);
  assert.deepEqual([...map.starts], [1, 5, 10]);
  // As if the second document began with two symbols of one byte in another model.
  const blocks = new ByteBlocks(map, 100, Float64Array.from([1, 6, 10]));
  blocks.add({ sequence: 0, target: 1, tokens: ids.slice(1, 2), losses: Float64Array.of(1) });
  blocks.add({ sequence: 1, target: 3, tokens: ids.slice(3, 5), losses: Float64Array.of(10, 100) });
  assert.deepEqual([[...blocks.nats], [...blocks.bytes]], [[101], [2]]);
});

test('models with different symbols are compared in bits per byte', async () => {
  const text = 'ab\u20ac'.repeat(40);
  // A character costs 1 nat; a byte costs 0.7, so the three bytes of the euro sign cost 2.1.
  const a = await measure(text, characters, 1, () => 1);
  const b = await measure(text, bytes, 1, () => 0.7);
  const readings = [
    { name: 'a', vocabulary: characters, map: a.map },
    { name: 'b', vocabulary: bytes, map: b.map },
  ];
  checkComparable(readings);
  const measured = [a, b].map(({ map, runs }) => {
    const blocks = new ByteBlocks(
      map,
      10,
      map.starts.map(() => 1),
    );
    for (const run of runs) blocks.add(run);
    return blocks;
  });
  const { unit, count, models } = compareModels(readings, measured, 1);
  assert.equal(unit, 'byte');
  assert.equal(count, 199);
  assert.deepEqual(
    models.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.ok(Math.abs((models[0]?.bits ?? 0) - 119 / 199 / Math.LN2) < 1e-12);
  assert.ok((models[1]?.behindBest?.low ?? 0) > 0);
});

test('blocks without predictions are not resampled; a text of a few characters is too short', async () => {
  const compared = async (text: string) => {
    const measured = await Promise.all([1, 2].map((nats) => measure(text, characters, 1, () => nats)));
    const readings = measured.map(({ map }, i) => ({ name: `${i}`, vocabulary: characters, map }));
    const blocks = measured.map(({ map, runs }) => {
      const made = new ByteBlocks(
        map,
        1,
        map.starts.map(() => map.firstBytes),
      );
      for (const run of runs) made.add(run);
      return made;
    });
    return compareModels(readings, blocks, 1);
  };
  const { models, blocks } = await compared('\u20acb\u20aca\u20acb\u20aca\u20acb\u20aca');
  assert.equal(blocks, 11);
  const { mean, low, high } = models[1]?.behindBest ?? assert.fail();
  for (const value of [mean, low, high]) assert.ok(Math.abs(value - 1 / Math.LN2) < 1e-12, String(value));
  await assert.rejects(compared('ab'), {
    code: 'text-too-short',
    message: /got 1 block, expected at least 10/,
  });
});

test('models that can not be compared are rejected, with their names', async () => {
  const unknown = new Vocabulary({ ...characters, symbols: ['a', 'b'], hasUnknown: true });
  const ids = new MemoryTokens(Int32Array.of(0, 1, 2, 2));
  const map = await mapBytes(ids, unknown, rowSequences(4, 1));
  assert.throws(() => checkComparable([{ name: 'm', vocabulary: unknown, map }]), {
    code: 'text-not-comparable',
    message: /m reads 2 characters/,
  });
  const one = (await measure('abab', characters, 1, () => 0)).map;
  const two = (await measure('aba', characters, 1, () => 0)).map;
  assert.throws(
    () =>
      checkComparable([
        { name: 'm', vocabulary: characters, map: one },
        { name: 'n', vocabulary: characters, map: two },
      ]),
    { code: 'text-not-comparable', message: /4 bytes, n as 3/ },
  );
});

test('a text has at least twenty and at most two thousand blocks', () => {
  assert.equal(blockBytesFor(2_000), 100);
  assert.equal(blockBytesFor(1_000_000), 1_000);
  assert.equal(blockBytesFor(1e9), 500_000);
  assert.equal(blockBytesFor(5), 1);
});
