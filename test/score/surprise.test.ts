import assert from 'node:assert/strict';
import { test } from 'node:test';
import pc from 'picocolors';
import { placeLines, SurprisePainter } from '../../src/cli/report/surprise-text.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { SurpriseTracker } from '../../src/score/surprise.ts';

const vocabulary = new Vocabulary({
  kind: 'character',
  normalize: 'none',
  symbols: [...'\nabcdefg'],
  hasUnknown: false,
});
const tokensOf = (text: string) => Int32Array.from(text, (char) => vocabulary.tokenOf(char) as number);

test('the greatest losses, with line, column and what led up to them', () => {
  const tracker = new SurpriseTracker(vocabulary, 3);
  tracker.begin(vocabulary.tokenOf('a') as number);
  const text = 'bc\nde\nfg';
  const bits = [1, 9, 2, 8, 1, 3, 2, 10];
  const losses = Float64Array.from(bits, (value) => value * Math.LN2);
  tracker.add({ sequence: 0, target: 1, tokens: tokensOf(text), losses });
  const found = tracker.places.map(({ symbol, line, column, before, index }) => [
    symbol,
    line,
    column,
    before,
    index,
  ]);
  assert.deepEqual(found, [
    ['g', 3, 2, 'abc\nde\nf', 8],
    ['c', 1, 3, 'ab', 2],
    ['d', 2, 1, 'abc\n', 4],
  ]);
});

test('context and places stay few in a long text', () => {
  const tracker = new SurpriseTracker(vocabulary, 2);
  const text = 'abcdefg'.repeat(500);
  const losses = Float64Array.from(text, (_, i) => i);
  tracker.add({ sequence: 0, target: 0, tokens: tokensOf(text), losses });
  assert.deepEqual(
    tracker.places.map(({ index }) => index),
    [3499, 3498],
  );
  assert.equal(tracker.places[0]?.before, text.slice(-41, -1));
  assert.equal(tracker.places[0]?.column, 3500);
});

test('the context of a byte has only whole characters', () => {
  const symbols = ['\x80', '\x82', '\x9f', '\xc3', 'a'];
  const bytes = new Vocabulary({
    kind: 'byte',
    normalize: 'none',
    symbols: symbols.sort(),
    hasUnknown: false,
  });
  const before = (text: string) => {
    const tracker = new SurpriseTracker(bytes, 1);
    const tokens = Int32Array.from(text, (byte) => bytes.tokenOf(byte) as number);
    const losses = Float64Array.from(text, (_, i) => i);
    tracker.add({ sequence: 0, target: 0, tokens, losses });
    return tracker.places[0]?.before;
  };
  assert.equal(before('\x82\x80a'), '');
  assert.equal(before('\x80a'), '');
  assert.equal(before('\x80\xc3\x9fa'), '\u00df');
  assert.equal(before('a'), '');
});

test('runs of one colour; nothing for what was not predicted', () => {
  const colors = pc.createColors(true);
  const painter = new SurprisePainter(colors);
  const painted = painter.paint([...'abcde'], [Number.NaN, 0.1, 0.2, 6, 12]);
  assert.equal(painted, `a${colors.dim('bc')}${colors.magenta('d')}${colors.bgRed(colors.white('e'))}`);
  assert.equal(new SurprisePainter(pc.createColors(false)).paint([...'abc'], [0, 6, 12]), 'abc');
});

test('places are lines without control characters', () => {
  const place = { bits: 12.34, symbol: '\n', before: 'a\u001b[2J\tb', index: 5, line: 3, column: 14 };
  const [line] = placeLines([place], pc.createColors(false));
  assert.equal(line, '   12.3 bits  3:14        a\ufffd[2J⇥b⏎');
});
