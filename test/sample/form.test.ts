/** Regular expressions and templates: they agree with JavaScript's, have no dead ends, and are bounded if they are hostile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { type FormOptions, resolveForm } from '../../src/sample/form/form.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

const vocabularyOf = (symbols: string[], kind: 'character' | 'byte' | 'grapheme' = 'character') =>
  new Vocabulary({ kind, normalize: 'none', symbols: symbols.sort(), hasUnknown: false });
const few = vocabularyOf([...'ab01 \n']);
const many = vocabularyOf([...' \n!"\'(),-.:;?ABCDEYabcdefghijklmnopqrstuvwxyz0123456789é€']);

/** A random text that the form allows. */
function write(
  form: FormOptions,
  length: number,
  seed: number,
  vocabulary = many,
  logitBias?: Float64Array,
): string {
  const begin = resolveForm(vocabulary, form, { logitBias }, length);
  assert.ok(begin);
  const constraint = begin();
  const random = new MersenneTwister(seed);
  const allowed = new Uint8Array(vocabulary.size);
  let text = '';
  for (let drawn = 0; !constraint.isComplete; drawn++) {
    assert.ok(drawn < length, 'longer than the length');
    constraint.allow(allowed);
    const tokens = [...allowed.keys()].filter((token) => allowed[token] === 1);
    assert.ok(tokens.length > 0, `a dead end after ${JSON.stringify(text)}`);
    const token = tokens[Math.floor(random.nextUniform() * tokens.length)] as number;
    constraint.advance(token);
    text += vocabulary.symbolOf(token);
  }
  return text;
}

/** Whether the form allows a text. */
function allows(form: FormOptions, text: string, vocabulary: Vocabulary): boolean {
  const constraint = resolveForm(vocabulary, form, { logitBias: undefined }, 100)?.();
  assert.ok(constraint);
  const allowed = new Uint8Array(vocabulary.size);
  for (const symbol of text) {
    const token = vocabulary.tokenOf(symbol) as number;
    constraint.allow(allowed);
    if (allowed[token] === 0) return false;
    constraint.advance(token);
  }
  constraint.hurry();
  return constraint.isComplete;
}

const EXPRESSIONS = [
  'a',
  '(a|b)*a(a|b){2}',
  '[ab]{2,4}[^ab]+',
  '(?:a?b){3}|',
  'a.b|\\d+\\s?',
  '\\w{1,3}(\\W\\w)*',
  '(a*)*b',
  '(a|a)*(b|)?',
  '((a{0,2}){0,2}b)+',
  '[^\\n]{3}\\n',
  '[a-b01]+?'.slice(0, -1),
  '\\x61\\u0062\\u{61}',
  '(\\p{L}|\\p{Nd}){2}',
  '[\\d\\s]{2}',
  '^(ab|ba){1,3}$',
  '[^]{2}',
  'a{2,}',
];

test('a text is allowed if and only if it matches in JavaScript', () => {
  const texts = fc.string({ unit: fc.constantFrom(...'ab01 \n'), maxLength: 8 });
  fc.assert(
    fc.property(fc.constantFrom(...EXPRESSIONS), texts, (match, text) => {
      const expected = new RegExp(`^(?:${match})$`, 'u').test(text);
      assert.equal(
        allows({ match, template: undefined }, text, few),
        expected,
        `${match} ${JSON.stringify(text)}`,
      );
    }),
    { numRuns: 3000 },
  );
});

test('whatever is drawn, the text matches, is not too long, and never reaches a dead end', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...EXPRESSIONS),
      fc.nat(1e6),
      fc.integer({ min: 6, max: 30 }),
      (match, seed, length) => {
        const text = write({ match, template: undefined }, length, seed, few);
        assert.match(text, new RegExp(`^(?:${match})$`, 'u'));
        assert.ok(text.length <= length);
      },
    ),
    { numRuns: 500 },
  );
});

test('tokens that must not be drawn lead to no match', () => {
  const logitBias = new Float64Array(few.size);
  logitBias[few.tokenOf('a') as number] = Number.NEGATIVE_INFINITY;
  for (let seed = 0; seed < 50; seed++) {
    assert.equal(write({ match: 'a*(b|0a)', template: undefined }, 9, seed, few, logitBias), 'b');
  }
});

test('bytes match as UTF-8, graphemes as clusters', () => {
  const bytes = vocabularyOf([...'a\u00c3\u00a9\u00aa'], 'byte');
  const utf8 = write({ match: '(é|ê)+a', template: undefined }, 9, 3, bytes);
  assert.match(Buffer.from(utf8, 'latin1').toString(), /^[éê]+a$/);
  const clusters = vocabularyOf(['a', 'e\u0301', '\r\n'], 'grapheme');
  assert.equal(write({ match: 'e\u0301{3}', template: undefined }, 5, 1, clusters), 'e\u0301'.repeat(3));
  assert.equal(
    write({ match: '[^a]', template: undefined }, 5, 1, vocabularyOf(['a', 'e\u0301'], 'grapheme')),
    'e\u0301',
  );
});

test('invalid and unsupported expressions are rejected with the position', () => {
  const cases: [string, RegExp][] = [
    ['(ab', /character 1 .*\( without/],
    ['ab)', /character 3 .*\) without/],
    ['a[bc', /character 2 .*\[ without/],
    ['*a', /nothing before \*/],
    ['a**', /one quantifier after another/],
    ['a+?', /lazy/],
    ['a{2,1}', /out of order/],
    ['a{x}', /expected \{n\}/],
    ['a{999999}', /at most 10,000/],
    ['(a)\\1', /character 4 .*back reference/],
    ['a(?=b)', /looking ahead/],
    ['(?<!a)b', /looking behind/],
    ['(?<name>a)', /only \(\?:/],
    ['\\bа', /word boundary/],
    ['a$b', /\$ is supported only at the end/],
    ['a^', /\^ is supported only at the beginning/],
    ['\\q', /\\q is not supported/],
    ['\\p{Nonsense}', /no such property/],
    ['\\u{110000}', /not a character/],
    ['[z-a]', /out of order/],
    ['ß', /no text matches it, because the model can't write "ß" \(U\+00DF\)$/],
    ['ŷaß', /can't write "ŷ" \(U\+0177\), "ß" \(U\+00DF\)$/],
    ['a(ŷ|ß)', /can't write "ŷ" \(U\+0177\), "ß" \(U\+00DF\)$/],
    ['a{30}', /30 symbols, more than the length of 20/],
  ];
  for (const [match, message] of cases) {
    assert.throws(() => resolveForm(many, { match, template: undefined }, { logitBias: undefined }, 20), {
      option: 'match',
      message,
    });
  }
});

test('hostile expressions are rejected, or bounded in states and time', () => {
  const refused = [
    '((a{100}){100}){100}',
    `${'('.repeat(200)}a${')'.repeat(200)}`,
    'a'.repeat(20_000),
    '(((a{0,99}){0,99}){0,99}){0,99}',
  ];
  for (const match of refused) {
    assert.throws(() => resolveForm(few, { match, template: undefined }, { logitBias: undefined }, 1e6), {
      option: 'match',
    });
  }
  // Exponential by backtracking, which would not end; a deterministic automaton would have 2^200 states.
  for (const match of [
    '(a*)*(a*)*b',
    '(a|b)*a(a|b){200}',
    '(a?){300}a{300}',
    '((a|b)?){500}',
    '(a|aa|aaa)*0',
  ]) {
    const text = write({ match, template: undefined }, 700, 5, few);
    assert.ok(text.length <= 700);
  }
});

test('limits for the forms of other people are lower: on states and on the tokens in classes', () => {
  const limits = { states: 100, setTokens: 200, kept: 300 };
  const resolve = (match: string) =>
    resolveForm(many, { match, template: undefined }, { logitBias: undefined }, 1000, limits);
  assert.throws(() => resolve('a{101}'), { option: 'match', message: /101 states, expected at most 100/ });
  assert.throws(() => resolve('[^a][^b][^c][^d]'), {
    option: 'match',
    message: /classes hold more than 200/,
  });
  // A repeated class is stored once.
  const constraint = resolve('.*\\p{L}{9}.*[^a]\\p{L}{9}.+')?.();
  assert.ok(constraint);
  // States that were dropped from the cache are made again.
  const allowed = new Uint8Array(many.size);
  const random = new MersenneTwister(1);
  while (!constraint.isComplete) {
    constraint.allow(allowed);
    const tokens = [...allowed.keys()].filter((token) => allowed[token] === 1);
    constraint.advance(tokens[Math.floor(random.nextUniform() * tokens.length)] as number);
  }
});

test('a template: fixed parts are copied, free parts end by their rules', () => {
  for (let seed = 0; seed < 40; seed++) {
    const letter = write({ match: undefined, template: 'Dear ____,\n…\nYours, ____' }, 2000, seed);
    assert.match(
      letter,
      /^Dear [^\s,][^\n,]{0,39},\n[\s\S]{200}[^.!?]{0,199}[.!?]\nYours, [^\s][^\n]{0,39}\n$/,
    );
    assert.match(
      write({ match: undefined, template: '____{3}…{4}' }, 20, seed),
      /^[^\s][^\n]{0,2}[\s\S]{2}[^.!?]?[.!?]$/,
    );
  }
  const short = write({ match: undefined, template: 'a ____ b ____ c' }, 9, 1);
  assert.match(short, /^a . b . c$/);
  const cases: [string, RegExp][] = [
    ['Dear', /expected a free part/],
    ['____{0}', /from 1 to 5000/],
    ['____ ß', /no text matches it, because the model can't write "ß" \(U\+00DF\)$/],
  ];
  for (const [template, message] of cases) {
    assert.throws(() => resolveForm(many, { match: undefined, template }, { logitBias: undefined }, 2000), {
      option: 'template',
      message,
    });
  }
  assert.throws(() => resolveForm(many, { match: 'a', template: '____' }, { logitBias: undefined }, 9), {
    option: 'template',
  });
});
