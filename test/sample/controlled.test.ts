/** The library's sampling controls end to end: on an engine, in batches, with details, for many samples. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { LanguageModel } from '../../src/language-model.ts';
import type { GenerateInput, SamplesInput } from '../../src/sample/generate-input.ts';
import type { Sample } from '../../src/sample/samples.ts';
import { sequenceSeed } from '../../src/sample/sequence-seed.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { CASES } from './draw-distribution.ts';

const symbols = [...'\n abcdefghijklmnopqrstuvwxyz'];
const vocabulary = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: true });
const made = madeCheckpoint({ vocabulary });
const model = new LanguageModel({ ...made, parameters: made.parameters.map((value) => value * 3) });

async function generate(input: GenerateInput): Promise<string> {
  let text = '';
  for await (const piece of model.generate(input)) text += piece;
  return text;
}

async function samples(input: SamplesInput): Promise<Sample[]> {
  const found: Sample[] = [];
  for await (const sample of model.samples(input)) found.push(sample);
  return found;
}

test('controls without an effect do not change the text of a seed', async () => {
  const plain = await generate({ length: 200, seed: 3 });
  assert.equal(await generate({ length: 200, seed: 3, topP: 1 - 1e-12 }), plain);
  assert.equal(await generate({ length: 200, seed: 3, match: '[\\n a-z]*' }), plain);
  assert.equal(await generate({ length: 200, seed: 3, stop: ['no such words', '\u00e9'] }), plain);
  assert.equal((await samples({ length: 200, seed: 3, alternatives: 1 }))[0]?.text, plain);
  const greedy = await generate({ length: 50, temperature: 0 });
  assert.equal(await generate({ length: 50, temperature: 0, topK: 4 }), greedy);
});

test('a text in a batch is the same as alone, with any control, whenever the other texts end', async () => {
  const prompts = ['a', '', 'some', 'a', 'more'];
  for (const [name, controls] of Object.entries(CASES)) {
    const options = { ...controls, length: 60, seed: 7, stop: ['a', 'zz'], lines: 3 };
    const texts = await model.generateAll({ ...options, prompts });
    for (const [k, prompt] of prompts.entries()) {
      assert.equal(
        texts[k],
        await generate({ ...options, prompt, seed: sequenceSeed(7, k) }),
        `${name}, text ${k}`,
      );
    }
  }
});

test('the engine draws the same tokens with controls as JavaScript does between steps', async () => {
  for (const [name, controls] of Object.entries(CASES)) {
    const options = { ...controls, length: 150, seed: 11, prompt: 'so' };
    const [chosen] = await samples({ ...options, alternatives: 0 });
    assert.equal(await generate({ ...options, seed: 11 }), chosen?.text, name);
  }
});

test('limits and stop texts also work when the engine draws', async () => {
  const whole = await generate({ length: 400, seed: 5 });
  const stop = whole.slice(100, 103);
  assert.equal(await generate({ length: 400, seed: 5, stop }), whole.slice(0, whole.indexOf(stop)));
  assert.equal(await generate({ length: 400, seed: 5, lines: 2 }), whole.split('\n').slice(0, 2).join('\n'));
  const pieces: string[] = [];
  for await (const { bytes, ending } of model.generatePieces({ seed: 5, words: 3 })) {
    pieces.push(new TextDecoder().decode(bytes));
    if (ending) assert.equal(ending, 'words');
  }
  const words = /^\s*\S+\s+\S+\s+\S+/.exec(whole)?.[0];
  assert.equal(pieces.join(''), words);
});

// Without a limit, these texts would not end.
test('a text ends when its time is over; one with a form is completed first', async () => {
  let last: string | undefined;
  for await (const { ending } of model.generatePieces({ seconds: 0.2 })) last = ending;
  assert.equal(last, 'seconds');
  const text = await generate({ seconds: 0.1, match: '([a-z]{9} )*end' });
  assert.match(text, /^([a-z]{9} )*end$/);
  // A text that matches at any length is complete as soon as the time is over.
  assert.match(await generate({ seconds: 0.1, match: '[a-z]*' }), /^[a-z]+$/);
});

test('the time limit of samples is for all of them together', async () => {
  const options = { count: 100_000, seconds: 0.3, length: 100 };
  const found = await samples(options);
  assert.ok(found.length > 0 && found.length < options.count);
  const cut = found.findIndex(({ ending }) => ending === 'seconds');
  assert.ok(cut < 0 || cut >= found.length - 128, 'only samples of the last batch are cut off');
});

test('bans and allowed characters apply to every draw; a penalty makes frequent symbols rarer', async () => {
  assert.doesNotMatch(await generate({ length: 500, ban: 'aeiou\n' }), /[aeiou\n]/);
  assert.match(await generate({ length: 500, only: 'xyz ' }), /^[xyz ]{500}$/);
  const most = (text: string) => Math.max(...symbols.map((symbol) => text.split(symbol).length - 1));
  const plain = most(await generate({ length: 2000 }));
  const thinned = most(await generate({ length: 2000, frequencyPenalty: 2, penaltyWindow: 0 }));
  assert.ok(thinned < plain / 2, `${thinned} of ${plain}`);
});

test('mirostat keeps the surprise near its target', async () => {
  for (const target of [3, 4]) {
    let bits = 0;
    let count = 0;
    for await (const { details } of model.generatePieces({
      length: 3000,
      mirostat: target,
      alternatives: 0,
    })) {
      for (const { logProbability } of details) bits -= logProbability / Math.LN2;
      count += details.length;
    }
    assert.equal(count, 3000);
    assert.ok(Math.abs(bits / count - target) < 0.15, `${bits / count} for ${target}`);
  }
});

test('details have the model’s log-probabilities, without the symbols of a stop text', async () => {
  let text = '';
  const details: { text: string; logProbability: number }[] = [];
  const whole = await generate({ length: 100, prompt: 'a', seed: 2 });
  const stop = whole.slice(40, 42);
  for await (const piece of model.generatePieces({
    prompt: 'a',
    length: 100,
    seed: 2,
    stop,
    alternatives: 3,
  })) {
    text += new TextDecoder().decode(piece.bytes);
    details.push(...piece.details);
    for (const { alternatives, entropy, drawnProbability, logProbability } of piece.details) {
      assert.equal(alternatives.length, 3);
      assert.ok(entropy > 0 && entropy <= Math.log(vocabulary.size) + 1e-6);
      // The unknown symbol is never drawn.
      assert.ok(drawnProbability >= Math.exp(logProbability));
    }
  }
  assert.equal(text, whole.slice(0, whole.indexOf(stop)));
  assert.equal(details.map((item) => item.text).join(''), text);
  const { losses } = await model.score(`a${text}`);
  for (const [k, { logProbability }] of details.entries()) {
    assert.ok(Math.abs(logProbability + (losses[k + 1] as number)) < 1e-5);
  }
  for await (const { details } of model.generatePieces({ length: 1, alternatives: 0 })) {
    for (const { entropy } of details) assert.ok(Math.abs(entropy - Math.log(vocabulary.size)) < 1e-6);
  }
});

test('samples come in the order of their seeds; repeated and known ones are left out', async () => {
  const all = await samples({ count: 300, length: 2, seed: 4, only: 'ab' });
  assert.deepEqual(
    all.map(({ index, seed }) => [index, seed]),
    all.map((_, k) => [k, sequenceSeed(4, k)]),
  );
  const unique = await samples({ count: 4, length: 2, seed: 4, only: 'ab', unique: true });
  assert.deepEqual(
    unique.map(({ text }) => text),
    [...new Set(all.map(({ text }) => text))].slice(0, 4),
  );
  const novel = await samples({ count: 50, length: 2, seed: 4, only: 'ab', novel: 'xabx' });
  assert.deepEqual(
    novel.map(({ text }) => text),
    all
      .map(({ text }) => text)
      .filter((text) => text !== 'ab')
      .slice(0, 50),
  );
  const few = await samples({ count: 10, length: 1, only: 'ab', unique: true, attempts: 40 });
  assert.equal(few.length, 2);
});

test('with lines, a sample is novel if its line, including the last line of the prompt, is new', async () => {
  const options = { count: 400, lines: 1, only: 'ab\n', seed: 1, length: 3 };
  const texts = (await samples({ ...options, novel: 'abab\nb\r\n' })).map(({ text }) => text);
  assert.ok(texts.includes('a') && texts.includes('aba'));
  assert.ok(!texts.includes('b') && !texts.includes(''));
  const prompted = await samples({ ...options, prompt: 'x\nab', novel: 'aba\nb' });
  assert.ok(prompted.length > 0 && prompted.every(({ text }) => text !== 'a'));
});

test('without a length, the other limits have enough room', async () => {
  const lastOf = async (input: GenerateInput) => {
    let bytes = 0;
    for await (const piece of model.generatePieces(input)) bytes += piece.bytes.length;
    return bytes;
  };
  assert.equal(await lastOf({ ban: '\n' }), 2000);
  assert.equal(await lastOf({ ban: '\n', lines: 3 }), 6000);
  assert.equal(await lastOf({ ban: ' \n', words: 3 }), 600);
  assert.equal(await lastOf({ ban: '\n', lines: 3, length: 5 }), 5);
});

test('contradictory options are named', async () => {
  const cases: [GenerateInput, string][] = [
    [{ match: 'a', stop: 'b' }, 'stop'],
    [{ match: 'a', lines: 1 }, 'lines'],
    [{ template: '____', words: 1 }, 'words'],
    [{ topP: 0 }, 'topP'],
    [{ typicalP: 1.5 }, 'typicalP'],
    [{ stop: '' }, 'stop'],
    [{ only: 'a', ban: 'a' }, 'only'],
  ];
  for (const [input, option] of cases) await assert.rejects(generate(input), { option });
});
