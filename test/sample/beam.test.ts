/** Compares beam search with a list of all possible texts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { LanguageModel } from '../../src/language-model.ts';
import type { GenerateInput } from '../../src/sample/generate-input.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const vocabulary = new Vocabulary({
  kind: 'character',
  normalize: 'none',
  symbols: [...'.abc'],
  hasUnknown: false,
});
const made = madeCheckpoint({ vocabulary });
/** Larger weights, so that predictions differ. */
const model = new LanguageModel({ ...made, parameters: made.parameters.map((value) => value * 4) });

/** The log-probability of a text after a prompt. */
async function logProbability(prompt: string, text: string): Promise<number> {
  const { losses } = await model.score(prompt + text);
  return losses.slice(prompt.length).reduce((sum, loss) => sum - loss, 0);
}

function allTexts(length: number): string[] {
  if (length === 0) return [''];
  return allTexts(length - 1).flatMap((text) => [...'.abc'].map((symbol) => text + symbol));
}

test('a beam as wide as the number of texts finds the most likely texts, in order', async () => {
  const scored = await Promise.all(
    allTexts(3).map(async (text) => ({ text, p: await logProbability('ab', text) })),
  );
  scored.sort((a, b) => b.p - a.p);
  const found = await model.generateAll({ prompts: Array(5).fill('ab'), length: 3, beam: 64 });
  assert.deepEqual(
    found,
    scored.slice(0, 5).map(({ text }) => text),
  );
});

test('a beam of one is greedy; neither the seed nor other texts make a difference', async () => {
  const greedy = await model.generateAll({ prompts: ['ab', 'c'], length: 30, temperature: 0 });
  assert.deepEqual(await model.generateAll({ prompts: ['ab', 'c'], length: 30, beam: 1, seed: 9 }), greedy);
});

test('norm 0 takes the most likely text, norm 1 the most likely per symbol', async () => {
  const ended = allTexts(1)
    .concat(allTexts(2), allTexts(3))
    .filter((text) => text.indexOf('.') === text.length - 1);
  for (const beamNorm of [0, 1]) {
    const scored = await Promise.all(
      ended.map(async (text) => ({
        text,
        score: (await logProbability('ab', text)) / text.length ** beamNorm,
      })),
    );
    // Texts without a full stop end at the maximum length.
    for (const text of allTexts(3).filter((other) => !other.includes('.'))) {
      scored.push({ text, score: (await logProbability('ab', text)) / 3 ** beamNorm });
    }
    scored.sort((a, b) => b.score - a.score);
    const [best] = await model.generateAll({ prompts: ['ab'], length: 3, beam: 64, beamNorm, stop: '.' });
    assert.equal(best, scored[0]?.text.replace('.', ''));
  }
});

test('a bias above 0 can make a longer text better: the search does not end before it', async () => {
  const bias = { '.': 3, a: 3 };
  const length = 12;
  for (const beamNorm of [0, 0.5, 1, 2]) {
    const scoreOf = async (text: string) =>
      ((await logProbability('ab', text)) + 3 * text.length) / text.length ** beamNorm;
    // Nothing but a's, which a full stop may end.
    const possible = Array.from({ length }, (_, n) =>
      n + 1 < length ? `${'a'.repeat(n)}.` : 'a'.repeat(n + 1),
    );
    const scores = await Promise.all(possible.map(scoreOf));
    const best = possible[scores.indexOf(Math.max(...scores))] ?? '';
    const [found] = await model.generateAll({
      ...{ prompts: ['ab'], length, beam: 8, beamNorm, stop: '.', bias, only: 'a.' },
    });
    assert.equal(found, best.replace('.', ''), `norm ${beamNorm}`);
  }
});

test('bans, biases, forms and details work with beam search too', async () => {
  const [banned] = await model.generateAll({ prompts: ['a'], length: 20, beam: 4, ban: 'b.' });
  assert.match(banned ?? '', /^[ac]{20}$/);
  const [matched] = await model.generateAll({ prompts: ['a'], length: 20, beam: 4, match: '(ab)+\\.' });
  assert.match(matched ?? '', /^(ab)+\.$/);
  let sum = 0;
  let text = '';
  for await (const { bytes, details, ending } of model.generatePieces({
    prompt: 'ab',
    length: 4,
    beam: 3,
    alternatives: 2,
  })) {
    text += new TextDecoder().decode(bytes);
    for (const item of details) sum += item.logProbability;
    assert.equal(ending, 'length');
  }
  const expected = await logProbability('ab', text);
  assert.ok(Math.abs(sum - expected) < 1e-5, `${sum} for ${expected}`);
  await assert.rejects(model.generateAll({ prompts: ['a'], beam: 2, topK: 3 }), { option: 'topK' });
  await assert.rejects(model.generateAll({ prompts: ['a'], beam: 2, temperatureRange: 0.5 }), {
    option: 'temperatureRange',
  });
  await assert.rejects(model.generateAll({ prompts: ['a', 'b', 'a', 'a'], beam: 2 }), {
    option: 'beam',
    message: /got 2, expected at least 3, because so many texts have the same prompt/,
  });
  assert.deepEqual(await model.generateAll({ prompts: ['a'], beam: 2, length: 0 }), ['']);
});

// Without a limit, these texts would not end.
test('a search ends when its time is over; texts with a form are completed first', async () => {
  const endingOf = async (input: GenerateInput) => {
    let text = '';
    let last: string | undefined;
    for await (const { bytes, ending } of model.generatePieces({ seconds: 0.1, beam: 3, ...input })) {
      text += new TextDecoder().decode(bytes);
      last = ending;
    }
    return { text, last };
  };
  assert.equal((await endingOf({})).last, 'seconds');
  const ended = await endingOf({ match: '([abc]{9}a)*[.]', bias: '.=-50' });
  assert.match(ended.text, /^([abc]{9}a)+[.]$/);
  assert.equal(ended.last, 'complete');
  const anywhere = await endingOf({ match: '[abc]*' });
  assert.match(anywhere.text, /^[abc]+$/);
  assert.equal(anywhere.last, 'complete');
});
