import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { type LimitOptions, limitsSchema, resolveLimits, StopTracker } from '../../src/sample/stops.ts';

const vocabularyOf = (symbols: string, changes: { kind?: 'character' | 'byte' } = {}) =>
  new Vocabulary({
    kind: 'character',
    normalize: 'none',
    symbols: [...symbols].sort(),
    hasUnknown: false,
    ...changes,
  });
const known = vocabularyOf(' \nabcd');

const limitsOf = (options: Partial<LimitOptions>, vocabulary = known) =>
  resolveLimits(vocabulary, limitsSchema.parse(options));

/** What may be shown after each symbol of a text, and why the text ended. */
function follow(text: string, options: Partial<LimitOptions>, vocabulary = known) {
  const end = new StopTracker(limitsOf(options, vocabulary));
  const symbols = [...text];
  const steps: string[] = [];
  for (const symbol of symbols) {
    if (end.ending) break;
    end.push(vocabulary.tokenOf(symbol) as number);
    steps.push(symbols.slice(0, end.shown).join(''));
  }
  return { shown: steps.at(-1) ?? '', steps, ending: end.ending };
}

test('a stop text ends it and is never shown, not even in parts', () => {
  const { steps, shown, ending } = follow('abacabad', { stop: 'aba' });
  assert.deepEqual([shown, ending], ['', 'stop']);
  assert.deepEqual(steps, ['', '', '']);
  assert.deepEqual(follow('cabdabacc', { stop: ['aba', 'xyz'] }).steps, [
    'c',
    'c',
    'c',
    'cabd',
    'cabd',
    'cabd',
    'cabd',
  ]);
  assert.equal(follow('ab\n\nc', { stop: '\n\n' }).shown, 'ab');
});

test('if several stop texts end together, the longest one counts', () => {
  assert.equal(follow('dabc', { stop: ['bc', 'abc'] }).shown, 'd');
  assert.equal(follow('dabc', { stop: ['b', 'abc'] }).shown, 'da');
});

test('for any text and stop texts, a naive search agrees, and nothing that was shown is taken back', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 30 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 5 }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(texts, stops, (text, stop) => {
      const { steps, ending } = follow(text, { stop });
      const ends = stop.map((part) =>
        text.includes(part) ? text.indexOf(part) + part.length : Number.POSITIVE_INFINITY,
      );
      const first = Math.min(...ends, Number.POSITIVE_INFINITY);
      assert.equal(ending, first === Number.POSITIVE_INFINITY ? undefined : 'stop');
      if (ending === 'stop') {
        const longest = Math.max(...stop.map((part, i) => (ends[i] === first ? part.length : 0)));
        assert.equal(steps.at(-1), text.slice(0, first - longest));
      }
      for (const [i, step] of steps.entries()) {
        assert.ok(step.startsWith(steps[i - 1] ?? ''));
        assert.ok(stop.every((part) => !step.includes(part)));
        const read = text.slice(0, i + 1);
        // No more than necessary is held back.
        if (i + 1 < steps.length || ending === undefined) {
          const held = read.slice(step.length);
          assert.ok(held === '' || stop.some((part) => part.startsWith(held)), `${held} is held back`);
        }
      }
    }),
  );
});

test('limits on symbols, lines and words leave out the white space at the end', () => {
  assert.deepEqual(follow('abcd', { length: 2 }), { shown: 'ab', steps: ['a', 'ab'], ending: 'length' });
  assert.equal(new StopTracker(limitsOf({ length: 0 })).ending, 'length');
  const lines = follow('ab\ncd\na', { lines: 2 });
  assert.deepEqual([lines.shown, lines.ending], ['ab\ncd', 'lines']);
  const words = follow('  ab  cd a', { words: 2 });
  assert.deepEqual([words.shown, words.ending], ['  ab  cd', 'words']);
  assert.equal(follow('ab cd', { words: 2 }).ending, undefined);
});

test('held back symbols are shown when a limit ends the text', () => {
  assert.deepEqual(follow('ab', { stop: 'abc', length: 2 }).steps, ['', 'ab']);
  const end = new StopTracker(limitsOf({ stop: 'abc', seconds: 1e-6 }));
  end.push(known.tokenOf('a') as number);
  assert.equal(end.shown, 0);
  while (!end.isTimedOut());
  end.end('seconds');
  assert.deepEqual([end.ending, end.shown], ['seconds', 1]);
  assert.throws(() => end.push(0), RangeError);
});

test('a fork continues independently', () => {
  const end = new StopTracker(limitsOf({ stop: 'ab', words: 1 }));
  end.push(known.tokenOf('a') as number);
  const fork = end.fork();
  fork.push(known.tokenOf('b') as number);
  end.push(known.tokenOf(' ') as number);
  assert.deepEqual([fork.ending, fork.shown, end.ending, end.shown], ['stop', 0, 'words', 1]);
});

test('a fork has the deadline of the original text', () => {
  const end = new StopTracker(limitsOf({ seconds: 0.02 }));
  while (!end.isTimedOut());
  assert.ok(end.fork().isTimedOut());
});

test('a stop text that can never occur gives a notice; an empty one is rejected', () => {
  assert.match(limitsOf({ stop: ['aé'] }).notices.join(), /"aé"/);
  assert.throws(() => limitsOf({ stop: '' }), { option: 'stop' });
});

test('a model over bytes finds a stop text as UTF-8', () => {
  const bytes = vocabularyOf('a\u00c3\u00a9', { kind: 'byte' });
  const end = new StopTracker(limitsOf({ stop: 'é' }, bytes));
  for (const value of [0x61, 0xc3, 0xc3, 0xa9]) end.push(bytes.tokenOf(String.fromCharCode(value)) as number);
  assert.deepEqual([end.ending, end.shown], ['stop', 2]);
});

test('lines and stop texts follow the line ends of the text: LF, CRLF, or CR alone', () => {
  const crlf = vocabularyOf('\r\nabZoe');
  const cr = vocabularyOf('\rabZoe');
  const one = (text: string, options: Partial<LimitOptions>, vocabulary: Vocabulary) => {
    const { shown, ending } = follow(text, options, vocabulary);
    return [shown, ending];
  };
  assert.deepEqual(one('Zoe\r\nab', { lines: 1 }, crlf), ['Zoe', 'lines']);
  assert.deepEqual(one('Zoe\nab', { lines: 1 }, crlf), ['Zoe', 'lines']);
  assert.deepEqual(one('Zoe\r\nab\r\nb', { lines: 2 }, crlf), ['Zoe\r\nab', 'lines']);
  assert.deepEqual(one('Zoe\rab', { lines: 1 }, cr), ['Zoe', 'lines']);
  assert.deepEqual(one('Z\roe\r\nab', { lines: 1 }, crlf), ['Z\roe', 'lines']);
  assert.deepEqual(one('Zoe\r\nab', { stop: '\n' }, crlf), ['Zoe', 'stop']);
  assert.deepEqual(one('Zoe\r\n\r\nab', { stop: '\n\n' }, crlf), ['Zoe', 'stop']);
  assert.deepEqual(one('Zoe\rab', { stop: '\n' }, cr), ['Zoe', 'stop']);
  assert.deepEqual(one('a\r\nb\r\no', { stop: 'a\nb\n' }, crlf), ['', 'stop']);
  // A CR that may be part of a line end is held back.
  assert.deepEqual(follow('Z\roe', { lines: 1 }, crlf).steps, ['Z', 'Z', 'Z\ro', 'Z\roe']);
  const graphemes = new Vocabulary({
    kind: 'grapheme',
    normalize: 'none',
    symbols: ['\r\n', 'a'],
    hasUnknown: false,
  });
  const limits = limitsOf({ stop: '\n' }, graphemes);
  assert.deepEqual([limits.stops.length, limits.notices], [1, []]);
});
