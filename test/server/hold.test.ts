/** Units that a request holds: `hold`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sequenceSeed } from '../../src/sample/sequence-seed.ts';
import { serveModel } from './test-server.ts';

const COMPLETIONS = '/v1/completions';

test('the text is that of the library with the same units held; requests side by side hold their own', async (context) => {
  const { ask, model } = await serveModel(context);
  const given = { prompt: 'so ', max_tokens: 80, seed: 5, temperature: 0.7 };
  const holds = [undefined, '1.1=1', ['1.2=-1', '1.1=0.5'], '1.1=1,1.2=-1'];
  const texts = await Promise.all(
    holds.map(async (hold) => (await ask(COMPLETIONS, { ...given, ...(hold && { hold }) })).choices[0].text),
  );
  for (const [index, hold] of holds.entries()) {
    let text = '';
    const options = {
      prompt: 'so ',
      length: 80,
      seed: sequenceSeed(5, 0),
      temperature: 0.7,
      penaltyWindow: 0,
    };
    for await (const piece of model.generate({ ...options, ...(hold && { hold }) })) text += piece;
    assert.equal(texts[index], text, `${hold}`);
  }
  assert.equal(new Set(texts).size, 4);
});

test('units that the model does not have are errors of the request', async (context) => {
  const { post } = await serveModel(context);
  for (const [hold, message] of [
    ['9.9=1', /^hold: got unit 9\.9, expected one from 1\.1 to /],
    ['1.1=loud', /^hold: got "1\.1=loud", expected LAYER\.UNIT=VALUE/],
    ['1.1=1,1.1=2', /^hold: h of unit 1\.1 is held twice/],
    [
      { layer: 1 },
      /^hold: .*units with a value each, such as "2\.108=0\.9,1\.3=-1", or a list of such texts/,
    ],
    ['1.1=1,'.repeat(2000), /^hold: /],
  ] as const) {
    const response = await post(COMPLETIONS, { prompt: 'x', hold });
    const { error } = await response.json();
    assert.equal(response.status, 400);
    assert.equal(error.param, 'hold');
    assert.match(error.message, message);
  }
});

test('the prompt is read without holding, also if its log-probabilities are asked for', async (context) => {
  const { ask } = await serveModel(context);
  const prompt = 'so it is';
  const given = { prompt, max_tokens: 40, seed: 5, hold: '1.1=900,1.2.c=-900' };
  const rated = { ...given, echo: true, logprobs: 1 };
  const held = (await ask(COMPLETIONS, rated)).choices[0];
  const free = (await ask(COMPLETIONS, { ...rated, hold: null })).choices[0];
  const ofPrompt = (choice: typeof free) => choice.logprobs.token_logprobs.slice(1, prompt.length);
  assert.deepEqual(ofPrompt(held), ofPrompt(free));
  const alone = (await ask(COMPLETIONS, { ...rated, max_tokens: 0 })).choices[0];
  assert.deepEqual(ofPrompt(alone), ofPrompt(free));
  const unrated = (await ask(COMPLETIONS, given)).choices[0];
  assert.equal(held.text, prompt + unrated.text);
  assert.notEqual(held.text, free.text);
});
