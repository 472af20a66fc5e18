import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { segment } from '../../src/data/symbols/tokenizer.ts';

/** Parts of clusters: marks, joiners, flags, Hangul, emoji sequences, line ends. */
const clusterParts = fc.constantFrom(
  ...[
    'a',
    'e',
    '\u0301',
    '\u0308',
    '\u200d',
    '\u{1F468}',
    '\u{1F469}',
    '\u{1F3FD}',
    '\u{1F1E9}',
    '\u{1F1EA}',
  ],
  ...[
    '\u1100',
    '\u1161',
    '\u11a8',
    '\uAC00',
    '\r',
    '\n',
    ' ',
    '\u0915',
    '\u094D',
    '\u0937',
    '\uFE0F',
    '\u{1F600}',
  ],
);

test('characters are code points', () => {
  assert.deepEqual([...segment('a\u{1F600}e\u0301', 'character')], ['a', '\u{1F600}', 'e', '\u0301']);
});

test('bytes are values; a string is converted to UTF-8', () => {
  assert.deepEqual([...segment(Uint8Array.of(0, 0xe9, 0xff), 'byte')], ['\u0000', '\u00e9', '\u00ff']);
  assert.deepEqual([...segment('\u00e9', 'byte')], ['\u00c3', '\u00a9']);
});

test('graphemes of a text in pieces are those of the whole', () => {
  const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
  const texts = fc.array(clusterParts, { minLength: 0, maxLength: 2500 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(texts, (text) => {
      const whole = Array.from(segmenter.segment(text), ({ segment: cluster }) => cluster);
      assert.deepEqual([...segment(text, 'grapheme')], whole);
    }),
    { numRuns: 60 },
  );
});

test('a cluster longer than a piece stays whole', () => {
  const long = `e${'\u0301'.repeat(3000)}`;
  assert.deepEqual([...segment(`a${long}b`, 'grapheme')], ['a', long, 'b']);
  const flags = '\u{1F1E9}\u{1F1EA}'.repeat(700);
  assert.equal([...segment(flags, 'grapheme')].length, 700);
});

test('the symbols of a text are the text', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('character', 'grapheme' as const),
      (text, kind) => {
        assert.equal([...segment(text, kind)].join(''), text);
      },
    ),
  );
});
