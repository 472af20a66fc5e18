import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { TokenSource } from '../../src/data/batches/batches.ts';
import { buildCorpus, type CorpusOptions } from '../../src/data/corpus.ts';
import { MemoryTokens } from '../../src/data/tokens/memory-tokens.ts';

const options: CorpusOptions = { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error' };

/** The tokens of a source, as numbers. */
function tokensOf(source: TokenSource | undefined): number[] {
  assert.ok(source instanceof MemoryTokens);
  return [...source.array];
}

test('a text becomes its tokens', async () => {
  const corpus = await buildCorpus({ text: 'abca\u{1F600}', name: 'x' }, options);
  assert.deepEqual(corpus.vocabulary.symbols, ['a', 'b', 'c', '\u{1F600}']);
  assert.deepEqual(tokensOf(corpus.tokens), [0, 1, 2, 0, 3]);
  assert.equal(corpus.text.characters, 5);
  assert.equal(corpus.text.bytes, 8);
});

test('makes the vocabulary from the training text only, and reads the held-out text with it', async () => {
  const validation = { text: 'cab', name: 'valid.txt' };
  const corpus = await buildCorpus({ text: 'abc', name: 'x', validation }, options);
  assert.deepEqual(tokensOf(corpus.validation), [2, 0, 1]);
});

test('identifies a packed text by its unpacked bytes, also if it is held out', async () => {
  const packed = { text: gzipSync('cab'), name: 'valid.txt.gz' };
  const corpus = await buildCorpus(
    { text: gzipSync('abc'), name: 'x', validation: packed, test: { ...packed, text: 'ba' } },
    options,
  );
  const known = (text: string) => ({
    bytes: text.length,
    sha256: createHash('sha256').update(text).digest('hex'),
  });
  assert.deepEqual(corpus.texts, { main: known('abc'), validation: known('cab'), test: known('ba') });
});

test('a held-out character outside the vocabulary is an error with its position', async () => {
  const validation = { text: 'ab\nax', name: 'valid.txt' };
  await assert.rejects(buildCorpus({ text: 'ab\n', name: 'x', validation }, options), {
    code: 'text-unknown-character',
    message: /^valid\.txt, line 2, column 2: "x" \(U\+0078\)/,
  });
});

test('--unknown skip leaves out such a character, with a notice', async () => {
  const validation = { text: 'axxby', name: 'valid.txt' };
  const corpus = await buildCorpus({ text: 'ab', name: 'x', validation }, { ...options, unknown: 'skip' });
  assert.deepEqual(tokensOf(corpus.validation), [0, 1]);
  assert.match(corpus.notices.join(), /valid\.txt: left out 3 characters.*"x", "y"/);
});

test('uses the unknown token of the vocabulary, if it has one', async () => {
  const validation = { text: 'azb', name: 'valid.txt' };
  const corpus = await buildCorpus({ text: 'aabbq', name: 'x', validation }, { ...options, minCount: 2 });
  assert.deepEqual(tokensOf(corpus.tokens), [0, 0, 1, 1, 2]);
  assert.deepEqual(tokensOf(corpus.validation), [0, 2, 1]);
});

test('more than 256 and more than 65,536 symbols', async () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) =>
      String.fromCodePoint(index < 0xd700 ? index + 33 : index + 0x1000),
    );
  for (const count of [300, 70_000]) {
    const symbols = many(count);
    const corpus = await buildCorpus({ text: symbols.toReversed().join(''), name: 'x' }, options);
    assert.equal(corpus.vocabulary.size, count);
    assert.deepEqual(tokensOf(corpus.tokens).slice(0, 3), [count - 1, count - 2, count - 3]);
  }
});

test('graphemes keep the Unicode version by which they were split', async () => {
  const corpus = await buildCorpus({ text: 'e\u0301a', name: 'x' }, { ...options, tokens: 'grapheme' });
  assert.deepEqual(corpus.vocabulary.symbols, ['a', 'e\u0301']);
  assert.equal(corpus.vocabulary.unicodeVersion, process.versions.unicode);
});

test('--normalize nfc composes', async () => {
  const corpus = await buildCorpus({ text: 'e\u0301a', name: 'x' }, { ...options, normalize: 'nfc' });
  assert.deepEqual(corpus.vocabulary.symbols, ['a', '\u00e9']);
});
