/** Constrained output over HTTP: `match` and `template`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sequenceSeed } from '../../src/sample/sequence-seed.ts';
import { serveModel } from './test-server.ts';

const COMPLETIONS = '/v1/completions';
const CHAT = '/v1/chat/completions';

interface Choice {
  readonly text: string;
  readonly finish_reason: string | null;
}

test('texts match, and are the same as in the library for the seed', async (context) => {
  const { ask, model } = await serveModel(context);
  const match = '[A-Z][a-z]{2,9}( [a-z]{1,5})*\\.';
  const given = {
    prompt: 'so ',
    max_tokens: 60,
    seed: 5,
    n: 3,
    match,
    temperature: 0.7,
    presence_penalty: 0.5,
  };
  const { choices, usage } = await ask(COMPLETIONS, given);
  for (const [k, choice] of (choices as Choice[]).entries()) {
    let text = '';
    for await (const piece of model.generate({
      ...{ prompt: 'so ', length: 60, seed: sequenceSeed(5, k), match },
      ...{ temperature: 0.7, presencePenalty: 0.5, penaltyWindow: 0 },
    })) {
      text += piece;
    }
    assert.match(choice.text, new RegExp(`^${match}$`));
    assert.equal(choice.text, text);
    assert.equal(choice.finish_reason, choice.text.length < 60 ? 'stop' : 'length');
  }
  assert.equal(usage.completion_tokens, choices.map(({ text }: Choice) => text).join('').length);
});

test('texts match also if they are streamed, echoed, with log-probabilities, or the best of several', async (context) => {
  const { ask, post } = await serveModel(context);
  const given = { prompt: 'ab', max_tokens: 40, seed: 9, match: '(no|yes), [a-z]{3}!' };
  const whole = (await ask(COMPLETIONS, given)).choices[0] as Choice;
  assert.match(whole.text, /^(no|yes), [a-z]{3}!$/);
  assert.equal(whole.finish_reason, 'stop');
  const events = await (await post(COMPLETIONS, { ...given, stream: true })).text();
  const parts = [...events.matchAll(/^data: (\{.*\})$/gm)].flatMap(
    ([, json]) => JSON.parse(json as string).choices as Choice[],
  );
  assert.equal(parts.map(({ text }) => text).join(''), whole.text);
  assert.equal(parts.at(-1)?.finish_reason, 'stop');
  const rated = (await ask(COMPLETIONS, { ...given, logprobs: 2 })).choices[0];
  assert.equal(rated.text, whole.text);
  assert.equal(rated.logprobs.tokens.join(''), whole.text);
  assert.equal((await ask(COMPLETIONS, { ...given, echo: true })).choices[0].text, `ab${whole.text}`);
  const best = (await ask(COMPLETIONS, { ...given, n: 2, best_of: 4 })).choices as Choice[];
  for (const { text } of best) assert.match(text, /^(no|yes), [a-z]{3}!$/);
});

test('a chat reply with a template', async (context) => {
  const { ask } = await serveModel(context);
  const { choices } = await ask(CHAT, {
    messages: [{ role: 'user', content: 'Where?' }],
    template: 'In ____{5}, by ____{4}.',
    seed: 1,
  });
  assert.match(choices[0].message.content, /^In .{1,5}, by .{1,4}\.$/);
  assert.equal(choices[0].finish_reason, 'stop');
});

test('a stop text ends a text before it matches; an empty form ends it immediately', async (context) => {
  const { ask } = await serveModel(context);
  const given = { prompt: 'x', max_tokens: 20, match: 'ab*cde', stop: 'd', temperature: 1.5 };
  const { text, finish_reason } = (await ask(COMPLETIONS, given)).choices[0] as Choice;
  assert.match(text, /^ab*c$/);
  assert.equal(finish_reason, 'stop');
  const empty = await ask(COMPLETIONS, { prompt: 'x', match: '', n: 2 });
  for (const choice of empty.choices) assert.deepEqual([choice.text, choice.finish_reason], ['', 'stop']);
  assert.equal(empty.usage.completion_tokens, 0);
});

test('a text matches also when it ends at its maximum length', async (context) => {
  const { ask } = await serveModel(context);
  const { choices } = await ask(COMPLETIONS, { prompt: 'x', max_tokens: 11, match: '([a-z]{4} )*end', n: 4 });
  for (const { text } of choices as Choice[]) assert.match(text, /^([a-z]{4} )*end$/);
});

test('a form that is invalid, too large or too long is rejected with the name of its field', async (context) => {
  const { post } = await serveModel(context);
  const cases: [object, RegExp][] = [
    [{ match: '(a' }, /^match: character 1 of "\(a": a \( without its \)/],
    [
      { match: 'a'.repeat(1001) },
      /^match: got ".*, expected a regular expression of at most 1000 characters/,
    ],
    [
      { template: `____${'a'.repeat(1000)}` },
      /^template: got ".*, expected a text of at most 1000 characters/,
    ],
    [{ match: 5 }, /^match: got 5, expected a regular expression/],
    [{ match: '(.{0,90}){0,90}' }, /^match: its automaton would have .* states, expected at most 2,500/],
    [{ template: '…{5000}' }, /^template: its automaton would have .* states/],
    [{ match: '[a-z]{17}' }, /^match: the shortest text that it allows has 17 symbols/],
    [{ match: 'é' }, /^match: no text matches/],
    [{ template: 'none' }, /^template: got "none", expected a free part/],
    [{ match: 'a', template: '____' }, /^template: it cannot be combined with `match`/],
  ];
  for (const [body, message] of cases) {
    const response = await post(COMPLETIONS, { prompt: 'x', ...body });
    const { error } = await response.json();
    assert.equal(response.status, 400, JSON.stringify(body));
    assert.match(error.message, message);
    assert.equal(error.param, error.message.split(':')[0]);
  }
});
