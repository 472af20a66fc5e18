import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareCodePoints, Vocabulary } from '../../src/data/vocabulary.ts';

const init = { kind: 'character', normalize: 'none', hasUnknown: false } as const;
const counted = { kind: 'character', normalize: 'none', unicodeVersion: undefined } as const;

test('numbers symbols by code point, not by UTF-16 unit', () => {
  const counts = new Map([
    ['\u{1F600}', 1],
    ['\uFB01', 1],
    ['b', 1],
    ['a', 1],
  ]);
  const vocabulary = Vocabulary.fromCounts(counts, { ...counted, minCount: 1 });
  assert.deepEqual(vocabulary.symbols, ['a', 'b', '\uFB01', '\u{1F600}']);
  assert.equal(vocabulary.tokenOf('\u{1F600}'), 3);
  assert.equal(vocabulary.unknownToken, undefined);
});

test('a shorter symbol comes before those that begin with it', () => {
  assert.equal(compareCodePoints('e', 'e\u0301'), -1);
  assert.equal(compareCodePoints('e\u0301', 'e'), 1);
  assert.equal(compareCodePoints('e', 'e'), 0);
});

test('rare symbols become one unknown token, numbered last', () => {
  const counts = new Map([
    ['a', 5],
    ['b', 1],
    ['c', 2],
  ]);
  const vocabulary = Vocabulary.fromCounts(counts, { ...counted, minCount: 2 });
  assert.deepEqual(vocabulary.symbols, ['a', 'c']);
  assert.equal(vocabulary.size, 3);
  assert.equal(vocabulary.unknownToken, 2);
  assert.equal(vocabulary.tokenOf('b'), undefined);
  assert.equal(vocabulary.symbolOf(2), '\uFFFD');
  assert.deepEqual(Buffer.from(vocabulary.bytesOf(2)).toString(), '\uFFFD');
});

test('one symbol is not enough to learn from', () => {
  assert.throws(() => Vocabulary.fromCounts(new Map([['a', 9]]), { ...counted, minCount: 1 }), {
    code: 'text-one-character',
  });
  const counts = new Map([
    ['a', 1],
    ['b', 1],
  ]);
  assert.throws(() => Vocabulary.fromCounts(counts, { ...counted, minCount: 2 }), /`minCount`/);
});

test('a byte vocabulary has values, not text', () => {
  const vocabulary = new Vocabulary({ ...init, kind: 'byte', symbols: ['\u0000', '\u00e9', '\u00ff'] });
  assert.deepEqual([...vocabulary.bytesOf(1)], [0xe9]);
  assert.throws(() => new Vocabulary({ ...init, kind: 'byte', symbols: ['a', '\u0100'] }), RangeError);
});

test('rejects symbols that are unsorted, repeated or of another kind', () => {
  for (const symbols of [
    ['b', 'a'],
    ['a', 'a'],
    ['', 'a'],
    ['a', 'ab'],
  ]) {
    assert.throws(() => new Vocabulary({ ...init, symbols }), RangeError, JSON.stringify(symbols));
  }
  assert.ok(new Vocabulary({ ...init, kind: 'grapheme', symbols: ['e', 'e\u0301'] }));
});

test('compares vocabularies by their meaning', () => {
  const one = new Vocabulary({ ...init, symbols: ['a', 'b'] });
  assert.ok(one.equals(new Vocabulary({ ...init, symbols: ['a', 'b'] })));
  assert.ok(!one.equals(new Vocabulary({ ...init, symbols: ['a', 'c'] })));
  assert.ok(!one.equals(new Vocabulary({ ...init, symbols: ['a', 'b'], hasUnknown: true })));
  assert.ok(!one.equals(new Vocabulary({ ...init, symbols: ['a', 'b'], normalize: 'nfc' })));
});
