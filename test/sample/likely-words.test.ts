/** Compares the search for likely words with a list of all words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { LanguageModel } from '../../src/language-model.node.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const vocabulary = new Vocabulary({
  kind: 'character',
  normalize: 'none',
  symbols: [...' .ab'],
  hasUnknown: false,
});
const made = madeCheckpoint({ vocabulary });
// Words must be likely to end: else they are too long to list.
const parameters = made.parameters.slice();
parameters.set([2, 0, 0, 0], parameters.length - 4);
const model = new LanguageModel({ ...made, parameters });

/** The probability of a word after a text: of its characters followed by a space or a full stop. */
async function probability(text: string, word: string): Promise<number> {
  const of = async (whole: string) => {
    const { losses } = await model.score(whole);
    return losses.slice(text.length).reduce((product, loss) => product * Math.exp(-loss), 1);
  };
  return (await of(`${text}${word} `)) + (await of(`${text}${word}.`));
}

/** All words up to a length. */
function allWords(longest: number): string[] {
  const words = [''];
  for (let at = 0; (words[at]?.length ?? longest) < longest; at++)
    words.push(`${words[at]}a`, `${words[at]}b`);
  return words;
}

test('finds the most likely words after a space, and the most likely endings within a word', async () => {
  for (const [text, completes] of [
    ['ab ', false],
    ['. ab', true],
  ] as const) {
    const expected = await Promise.all(
      allWords(5)
        .filter((word) => completes || word !== '')
        .map(async (word) => ({ text: word, probability: await probability(text, word) })),
    );
    expected.sort((a, b) => b.probability - a.probability);
    const found = await model.complete(text, { count: 6 });
    assert.equal(found.completes, completes);
    assert.deepEqual(
      found.words.map((word) => word.text),
      expected.slice(0, 6).map((word) => word.text),
    );
    found.words.forEach((word, i) => {
      assert.ok(Math.abs(word.probability - (expected[i]?.probability ?? 0)) < 1e-6);
    });
  }
});

test('a model over bytes gives words as text', async () => {
  const bytes = new Vocabulary({
    kind: 'byte',
    normalize: 'none',
    symbols: [' ', '.', '\u00a4', '\u00c3'],
    hasUnknown: false,
  });
  const model = new LanguageModel({ ...made, vocabulary: bytes, parameters });
  const { words } = await model.complete('. ', { count: 20 });
  const found = words.find(({ text }) => text === 'ä');
  const of = async (text: string) =>
    (await model.score(text)).losses.slice(2).reduce((product, loss) => product * Math.exp(-loss), 1);
  const expected = (await of('. ä ')) + (await of('. ä.'));
  assert.ok(Math.abs((found?.probability ?? 0) - expected) < 1e-6, JSON.stringify(words));
  for (const { text } of words) assert.match(text, /^ä+$/, 'no word ends within a character');
});

test('bytes form a word only if they decode to letters', async () => {
  // The bytes of —, ä and 😀, which also form many other letters and signs.
  const symbols = [' ', '.', '\u0080', '\u0094', '\u0098', '\u009f', '\u00a4', '\u00c3', '\u00e2', '\u00f0'];
  const bytes = new Vocabulary({ kind: 'byte', normalize: 'none', symbols, hasUnknown: false });
  const checkpoint = madeCheckpoint({ vocabulary: bytes });
  const model = new LanguageModel(checkpoint, { threads: 1 });
  for (const prompt of ['. ', '.ä']) {
    const { words } = await model.complete(prompt, { count: 200 });
    assert.ok(words.length > 0);
    for (const { text } of words) assert.match(text, /^\p{L}*$/u);
  }
  await model.close();
});

test('a long text does not block the event loop, and can be interrupted', async () => {
  const started = model.complete('ab '.repeat(200_000), { signal: AbortSignal.timeout(50) });
  await assert.rejects(started, { name: 'TimeoutError' });
});

test('an empty text is rejected', async () => {
  await assert.rejects(model.complete(''), { code: 'text-empty' });
});
