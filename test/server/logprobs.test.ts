/** Log-probabilities: their offsets and order, in completions and in chats, whole and streamed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { madeModel, serveModel } from './test-server.ts';

const COMPLETIONS = '/v1/completions';

/** The keys of the objects in `top_logprobs`, in the order of the JSON text. */
function keysOf(json: string): string[][] {
  const [, list = ''] = /"top_logprobs":\[(.*?)\],"text_offset"/s.exec(json) ?? [];
  return list
    .split('},{')
    .map((object) => [...object.matchAll(/"((?:[^"\\]|\\.)*)":-?\d/g)].map(([, key]) => key as string));
}

test('text_offset counts from the start of the prompt, in code points, with echo and without', async (context) => {
  const { ask } = await serveModel(context, {}, madeModel({ symbols: ['a', 'b', '\u{1f600}'] }));
  const offsets = async (body: object) =>
    (await ask(COMPLETIONS, { max_tokens: 3, seed: 1, logprobs: 0, ...body })).choices.map(
      (choice: { logprobs: { text_offset: number[] } }) => choice.logprobs.text_offset,
    );
  assert.deepEqual(await offsets({ prompt: 'a\u{1f600}b' }), [[3, 4, 5]]);
  assert.deepEqual(await offsets({ prompt: 'a\u{1f600}b', echo: true }), [[0, 1, 2, 3, 4, 5]]);
  assert.deepEqual(await offsets({ prompt: '' }), [[0, 1, 2]]);
  assert.deepEqual(await offsets({ prompt: [0, 2] }), [[2, 3, 4]]);
  assert.deepEqual(await offsets({ prompt: ['a', 'ab'], n: 2 }), [
    [1, 2, 3],
    [1, 2, 3],
    [2, 3, 4],
    [2, 3, 4],
  ]);
  assert.deepEqual(await offsets({ prompt: 'axb', unknown: 'skip' }), [[2, 3, 4]]);
});

test('text_offset of a byte is the offset of its character', async (context) => {
  const model = madeModel({ kind: 'byte', symbols: ['a', '\u00a9', '\u00c3'] });
  const { ask } = await serveModel(context, {}, model);
  const { choices } = await ask(COMPLETIONS, { prompt: 'a\u00e9', max_tokens: 4, seed: 1, logprobs: 1 });
  assert.equal(choices[0].logprobs.text_offset[0], 2);
  const [echoed] = (await ask(COMPLETIONS, { prompt: 'a\u00e9', max_tokens: 0, echo: true, logprobs: 1 }))
    .choices;
  assert.deepEqual(echoed.logprobs.text_offset, [0, 1, 1]);
  assert.deepEqual(echoed.logprobs.tokens, ['a', 'bytes:\\xc3', 'bytes:\\xa9']);
});

test('top_logprobs is in descending order, even for digits, whole and streamed', async (context) => {
  const { post, model } = await serveModel(context, {}, madeModel({ symbols: [...'-0159az'] }));
  const body = { prompt: 'a', max_tokens: 20, seed: 4, logprobs: 5 };
  const whole = await (await post(COMPLETIONS, body)).text();
  const keys = keysOf(whole);
  assert.equal(keys.length, 20);
  const [choice] = JSON.parse(whole).choices;
  keys.forEach((names, at) => {
    const top = choice.logprobs.top_logprobs[at] as Record<string, number>;
    const likeliest = names.slice(0, 5).map((name) => top[name] as number);
    assert.deepEqual(
      likeliest,
      [...likeliest].sort((a, b) => b - a),
      names.join(),
    );
    assert.ok(names.includes(choice.logprobs.tokens[at]));
  });
  const parsed = choice.logprobs.top_logprobs.map(Object.keys);
  assert.notDeepEqual(
    parsed,
    keys,
    'JavaScript objects have another order, or this test would prove nothing',
  );
  const events = await (await post(COMPLETIONS, { ...body, stream: true })).text();
  const streamed = events.split('\n\n').filter((event) => event.includes('top_logprobs'));
  assert.deepEqual(streamed.flatMap(keysOf), keys);
  assert.equal(model.vocabulary.size, 7);
});

test('logprobs: 0 gives only the chosen token; with echo the prompt begins with null', async (context) => {
  const { ask, model } = await serveModel(context);
  const body = { prompt: 'abc', max_tokens: 2, seed: 3, logprobs: 0, echo: true };
  const { logprobs, text } = (await ask(COMPLETIONS, body)).choices[0];
  assert.equal(logprobs.tokens.join(''), text);
  assert.deepEqual([logprobs.token_logprobs[0], logprobs.top_logprobs[0]], [null, null]);
  logprobs.tokens.slice(1).forEach((token: string, index: number) => {
    assert.deepEqual(logprobs.top_logprobs[index + 1], { [token]: logprobs.token_logprobs[index + 1] });
  });
  const { losses } = await model.score('abc');
  for (const at of [1, 2]) assert.ok(Math.abs(logprobs.token_logprobs[at] + (losses[at] as number)) < 1e-5);
  assert.equal((await ask(COMPLETIONS, { ...body, logprobs: null })).choices[0].logprobs, null);
});

test('a chat lists the log-probabilities of its reply in the format of chats', async (context) => {
  const { ask, post } = await serveModel(context);
  const messages = [{ role: 'user', content: 'Hi' }];
  const chat = { messages, max_tokens: 6, seed: 1 };
  const { choices } = await ask('/v1/chat/completions', { ...chat, logprobs: true, top_logprobs: 7 });
  const { content } = choices[0].logprobs;
  assert.equal(content.map(({ token }: { token: string }) => token).join(''), choices[0].message.content);
  for (const { token, bytes, logprob, top_logprobs } of content) {
    assert.deepEqual(bytes, [...Buffer.from(token)]);
    assert.ok(logprob < 0);
    assert.equal(top_logprobs.length, 7);
    const values = top_logprobs.map((top: { logprob: number }) => top.logprob);
    assert.deepEqual(
      values,
      [...values].sort((a, b) => b - a),
    );
  }
  const events = await (
    await post('/v1/chat/completions', { ...chat, logprobs: true, top_logprobs: 7, stream: true })
  ).text();
  const chunks = [...events.matchAll(/^data: (\{.*\})$/gm)].map(
    ([, json]) => JSON.parse(json as string).choices[0],
  );
  assert.deepEqual(
    chunks.flatMap((chunk) => chunk.logprobs?.content ?? []),
    content,
  );
  const without = await ask('/v1/chat/completions', { ...chat, logprobs: true });
  assert.deepEqual(without.choices[0].logprobs.content[0].top_logprobs, []);
  assert.equal((await ask('/v1/chat/completions', chat)).choices[0].logprobs, null);
});
