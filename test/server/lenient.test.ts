/** Requests that clients send in practice but that OpenAI does not document. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveModel } from './test-server.ts';

const COMPLETIONS = '/v1/completions';

test('unknown fields are ignored; with strict they are rejected', async (context) => {
  const { ask } = await serveModel(context);
  const strict = await serveModel(context, { strict: true });
  const message = [{ role: 'user', content: 'Hi' }];
  const cases: [string, object, string][] = [
    [COMPLETIONS, { prompt: 'x', promt: 'y' }, 'promt'],
    [COMPLETIONS, { prompt: 'x', cache_prompt: true, n_predict: 5 }, 'cache_prompt'],
    [COMPLETIONS, { prompt: 'x', response_format: { type: 'text' } }, 'response_format'],
    [COMPLETIONS, JSON.parse('{"prompt": "x", "__proto__": {"n": 3}}'), '__proto__'],
    ['/v1/chat/completions', { messages: message, parallel_tool_calls: false }, 'parallel_tool_calls'],
    ['/v1/score', { input: 'abc', encoding_format: 'float' }, 'encoding_format'],
    ['/tokenize', { content: 'abc', add_special: true }, 'add_special'],
    ['/detokenize', { tokens: [1], special: true }, 'special'],
  ];
  for (const [path, body, field] of cases) {
    await ask(path, body);
    const response = await strict.post(path, body);
    const { error } = await response.json();
    assert.deepEqual([response.status, error.code, error.param], [400, 'unknown_parameter', field], path);
  }
  for (const [path, body] of [
    [COMPLETIONS, { prompt: 'x', user: 'me', seed: 1 }],
    ['/v1/score', { input: 'abc' }],
  ] as const) {
    await strict.ask(path, body);
  }
});

test('null in a field means that it is missing', async (context) => {
  const { ask } = await serveModel(context, { strict: true });
  const given = { prompt: 'x', seed: 3 };
  const names =
    'model max_tokens temperature top_p n best_of stop logprobs echo stream stream_options presence_penalty ' +
    'frequency_penalty logit_bias suffix user top_k min_p typical_p repetition_penalty unknown match template';
  const nulls = Object.fromEntries(names.split(' ').map((name) => [name, null]));
  const [one, other] = await Promise.all([ask(COMPLETIONS, given), ask(COMPLETIONS, { ...given, ...nulls })]);
  assert.deepEqual(other.choices, one.choices);
  assert.equal(one.choices[0].text.length, 16);
});

test('-1 means no limit: the maximum tokens of the server, or all symbols for top_k', async (context) => {
  const { ask } = await serveModel(context, { maxTokens: 40 });
  const text = async (body: object) => (await ask(COMPLETIONS, { seed: 1, ...body })).choices[0].text;
  assert.equal((await text({ max_tokens: -1 })).length, 40);
  assert.equal(await text({ max_tokens: 30, top_k: -1 }), await text({ max_tokens: 30, top_k: 0 }));
  assert.notEqual(await text({ max_tokens: 30, top_k: 1 }), await text({ max_tokens: 30 }));
  const messages = [{ role: 'user', content: 'Hi' }];
  for (const field of ['max_tokens', 'max_completion_tokens']) {
    const { choices } = await ask('/v1/chat/completions', { messages, [field]: -1 });
    assert.equal(choices[0].message.content.length, 40, field);
  }
});

test("without a field for the length, the server's maximum also limits the default", async (context) => {
  const { ask } = await serveModel(context, { maxTokens: 10 });
  const messages = [{ role: 'user', content: 'Hi' }];
  for (const max_tokens of [undefined, null]) {
    const { choices } = await ask(COMPLETIONS, { prompt: ['x', 'y'], max_tokens });
    for (const { text } of choices) assert.equal(text.length, 10);
    const chat = await ask('/v1/chat/completions', {
      messages,
      max_tokens,
      max_completion_tokens: max_tokens,
    });
    assert.equal(chat.choices[0].message.content.length, 10);
  }
});

test('an error about the length names the field that has the value', async (context) => {
  const { post } = await serveModel(context, { maxTokens: 50 });
  const messages = [{ role: 'user', content: 'x' }];
  const cases: [object, string][] = [
    [{ max_tokens: 51 }, 'max_tokens'],
    [{ max_tokens: 51, max_completion_tokens: null }, 'max_tokens'],
    [{ max_tokens: null, max_completion_tokens: 51 }, 'max_completion_tokens'],
    [{ max_tokens: 5, max_completion_tokens: 51 }, 'max_completion_tokens'],
  ];
  for (const [lengths, param] of cases) {
    const response = await post('/v1/chat/completions', { messages, ...lengths });
    assert.deepEqual([response.status, (await response.json()).error.param], [400, param], param);
  }
});

test('a seed is taken modulo 2^32', async (context) => {
  const { ask, post } = await serveModel(context);
  const text = async (seed: number) => (await ask(COMPLETIONS, { seed })).choices[0].text;
  const cases: [number, number][] = [
    [2 ** 32 + 5, 5],
    [2 ** 53 + 2 ** 32 * 3, 0],
    [2 ** 63 + 2 ** 31 * 2 ** 22, 0],
    [-1, 2 ** 32 - 1],
    [-(2 ** 60), 0],
    [7.0, 7],
  ];
  for (const [seed, same] of cases) assert.equal(await text(seed), await text(same), String(seed));
  assert.notEqual(await text(5), await text(0));
  for (const seed of ['1e400', '0.5', '"5"', 'true']) {
    const response = await post(COMPLETIONS, `{"seed": ${seed}}`);
    assert.deepEqual([response.status, (await response.json()).error.param], [400, 'seed'], seed);
  }
});

test('a path may lack /v1, end with a slash, or have two in a row', async (context) => {
  const { url, post } = await serveModel(context);
  for (const path of ['completions', 'score', 'chat/completions', 'tokenize', 'detokenize']) {
    for (const form of [
      `/v1/${path}`,
      `/${path}`,
      `/v1/${path}/`,
      `/${path}/`,
      `/v1//${path}`,
      `//v1/${path}`,
    ]) {
      const body = { input: 'abc', messages: [{ role: 'user', content: 'Hi' }] };
      assert.equal((await post(form, body)).status, 200, form);
    }
  }
  for (const path of [
    '/models',
    '/models/',
    '/v1/models/',
    '/models/tiny',
    '/v1/models/tiny/',
    '/v1/health',
  ]) {
    assert.equal((await fetch(`${url}${path}`)).status, 200, path);
  }
  for (const path of ['/v2/completions', '/v1', '/v1completions', '/models/none', '/x/v1/models']) {
    assert.equal((await fetch(`${url}${path}`)).status, 404, path);
  }
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^char_rnn_requests_total\{path="\/v1\/completions",status="200"\} 6$/m);
});

test('an error names a field of the request, and its remedies are fields', async (context) => {
  const { post } = await serveModel(context, { maxTokens: 50 });
  const cases: [string, object, RegExp][] = [
    [COMPLETIONS, { top_p: 2 }, /^top_p: got 2, expected a number from 0 to 1\.$/],
    [COMPLETIONS, { repetition_penalty: 0 }, /^repetition_penalty: got 0, /],
    [COMPLETIONS, { max_tokens: 51 }, /^max_tokens: got 51, expected at most 50\.$/],
    [COMPLETIONS, { n: 128, prompt: ['', '', ''] }, /^n: got 128, expected at most 85 for 3 prompts\.$/],
    [
      COMPLETIONS,
      { prompt: 'a\u00e9' },
      /^the prompt's character 2, .* closest ones that it knows: "unknown": "nearest"\. To leave them out: "unknown": "skip"\.$/,
    ],
    ['/v1/score', { input: '\u00e9a' }, /"unknown": "nearest"/],
    [
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: 'x' }], max_completion_tokens: 51 },
      /^max_completion_tokens: got 51/,
    ],
  ];
  for (const [path, body, message] of cases) {
    const { error } = await (await post(path, body)).json();
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /--|char-rnn|\n/);
  }
});

test('tokenize and detokenize, in the form of llama.cpp', async (context) => {
  const { ask, model } = await serveModel(context);
  const text = 'Hello, world.';
  const expected = [...text].map((symbol) => model.vocabulary.tokenOf(symbol));
  for (const path of ['/tokenize', '/v1/tokenize']) {
    assert.deepEqual(await ask(path, { content: text }), { tokens: expected });
  }
  assert.deepEqual(await ask('/detokenize', { tokens: expected }), { content: text });
  assert.deepEqual(await ask('/tokenize', { content: 'H', with_pieces: true }), {
    tokens: [{ id: expected[0], piece: 'H' }],
  });
  assert.deepEqual(await ask('/tokenize', { content: '\u00e9', unknown: 'nearest' }), {
    tokens: [model.vocabulary.tokenOf('e')],
  });
  assert.deepEqual(await ask('/tokenize', {}), { tokens: [] });
  assert.deepEqual(await ask('/detokenize', { tokens: [] }), { content: '' });
});
