/** Responses as documented, and the status, code and field of errors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { madeModel, serveModel } from './test-server.ts';

const COMPLETIONS = '/v1/completions';

test('invalid requests get the right status, code and field', async (context) => {
  const { url, post, errors } = await serveModel(context, {
    maxBody: 2000,
    maxPrompt: 50,
    maxTokens: 500,
    maxSequences: 8,
  });
  const completion = (body: unknown) => post(COMPLETIONS, body);
  const cases: [string, Promise<Response>, number, string, string | null][] = [
    ['malformed', completion('{"prompt": '), 400, 'invalid_json', null],
    ['no UTF-8', post(COMPLETIONS, '', { body: Buffer.of(0x22, 0xff, 0x22) }), 400, 'invalid_json', null],
    ['empty', completion(''), 400, 'invalid_json', null],
    ['an array', completion('[]'), 400, 'invalid_request', null],
    ['null', completion('null'), 400, 'invalid_request', null],
    ['other model', completion({ model: 'gpt' }), 404, 'model_not_found', 'model'],
    ['prototype', completion({ model: '__proto__' }), 404, 'model_not_found', 'model'],
    ['prompt: number', completion({ prompt: 5 }), 400, 'invalid_value', 'prompt'],
    ['prompt: mixed', completion({ prompt: ['a', 1] }), 400, 'invalid_value', 'prompt'],
    ['prompt: none', completion({ prompt: [] }), 400, 'invalid_value', 'prompt'],
    ['prompt: token', completion({ prompt: [96] }), 400, 'invalid_value', 'prompt'],
    ['prompt: unknown', completion({ prompt: 'a\u00e9' }), 400, 'text-unknown-character', 'prompt'],
    ['prompt: long', completion({ prompt: 'x'.repeat(51) }), 400, 'context_length_exceeded', 'prompt'],
    ['prompt: very long', completion({ prompt: 'x'.repeat(500) }), 400, 'context_length_exceeded', 'prompt'],
    ['max_tokens: -2', completion({ max_tokens: -2 }), 400, 'invalid_value', 'max_tokens'],
    ['max_tokens: many', completion({ max_tokens: 501 }), 400, 'invalid_value', 'max_tokens'],
    ['temperature', completion({ temperature: 2.1 }), 400, 'invalid_value', 'temperature'],
    ['temperature: text', completion({ temperature: '1' }), 400, 'invalid_value', 'temperature'],
    ['top_p', completion({ top_p: -0.1 }), 400, 'invalid_value', 'top_p'],
    ['n: 0', completion({ n: 0 }), 400, 'invalid_value', 'n'],
    ['n: many', completion({ n: 9 }), 400, 'invalid_value', 'n'],
    ['n: many for three', completion({ prompt: ['', '', ''], n: 3 }), 400, 'invalid_value', 'n'],
    ['best_of: many', completion({ best_of: 9 }), 400, 'invalid_value', 'best_of'],
    ['prompts: many', completion({ prompt: Array(9).fill('') }), 400, 'invalid_value', 'prompt'],
    ['best_of', completion({ n: 3, best_of: 2 }), 400, 'invalid_value', 'best_of'],
    ['best_of, stream', completion({ best_of: 2, stream: true }), 400, 'invalid_value', 'best_of'],
    ['stop: five', completion({ stop: ['a', 'b', 'c', 'd', 'e'] }), 400, 'invalid_value', 'stop'],
    ['stop: empty', completion({ stop: '' }), 400, 'invalid_value', 'stop'],
    ['seed', completion({ seed: 1.5 }), 400, 'invalid_value', 'seed'],
    ['logprobs', completion({ logprobs: 6 }), 400, 'invalid_value', 'logprobs'],
    ['echo', completion({ echo: 1 }), 400, 'invalid_value', 'echo'],
    ['stream_options', completion({ stream_options: {} }), 400, 'invalid_value', 'stream_options'],
    ['penalty', completion({ presence_penalty: 3 }), 400, 'invalid_value', 'presence_penalty'],
    ['logit_bias: key', completion({ logit_bias: { a: 1 } }), 400, 'invalid_value', 'logit_bias'],
    ['logit_bias: token', completion({ logit_bias: { 96: 1 } }), 400, 'invalid_value', 'logit_bias'],
    ['suffix', completion({ suffix: 'end' }), 400, 'invalid_value', 'suffix'],
    ['long body', completion({ user: 'x'.repeat(3000) }), 413, 'body_too_large', null],
    [
      'long body in pieces',
      fetch(`${url}${COMPLETIONS}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: new Blob(Array(50).fill('x'.repeat(100))).stream(),
        duplex: 'half',
      } as RequestInit),
      413,
      'body_too_large',
      null,
    ],
    [
      'type',
      post(COMPLETIONS, '{}', { headers: { 'content-type': 'text/plain' } }),
      415,
      'unsupported_media_type',
      null,
    ],
    ['method', fetch(`${url}${COMPLETIONS}`), 405, 'method_not_allowed', null],
    ['method of health', post('/health', {}), 405, 'method_not_allowed', null],
    ['path', post('/v1/embeddings', {}), 404, 'not_found', null],
    ['path without v1', post('/chat', {}), 404, 'not_found', null],
    ['path of Object', fetch(`${url}/constructor`), 404, 'not_found', null],
    ['score: short', post('/v1/score', { input: 'a' }), 400, 'text-too-short', 'input'],
    ['score: nothing', post('/v1/score', {}), 400, 'text-too-short', 'input'],
    ['score: number', post('/v1/score', { input: [1] }), 400, 'invalid_value', 'input'],
    ['score: unknown', post('/v1/score', { input: 'a\u00e9' }), 400, 'text-unknown-character', 'input'],
    ['tokenize: number', post('/tokenize', { content: 1 }), 400, 'invalid_value', 'content'],
    ['tokenize: unknown', post('/tokenize', { content: '\u00e9' }), 400, 'text-unknown-character', 'content'],
    ['detokenize: text', post('/detokenize', { tokens: 'a' }), 400, 'invalid_value', 'tokens'],
    ['detokenize: token', post('/detokenize', { tokens: [96] }), 400, 'invalid_value', 'tokens'],
  ];
  for (const [what, request, status, code, param] of cases) {
    const response = await request;
    const { error } = await response.json();
    assert.deepEqual(
      [response.status, error.code, error.param],
      [status, code, param],
      `${what}: ${error.message}`,
    );
    assert.equal(error.type, 'invalid_request_error', what);
    assert.ok(error.message.length > 10, what);
  }
  assert.deepEqual(errors, []);
});

test('a large body that is completely wrong is rejected as fast as a small one', async (context) => {
  const { post, errors } = await serveModel(context);
  const many = (item: string) => `[${Array(300_000).fill(item).join(',')}]`;
  for (const [path, body, param] of [
    [COMPLETIONS, `{"prompt":${many('{}')}}`, 'prompt'],
    [COMPLETIONS, `{"prompt":${many('[]')}}`, 'prompt'],
    [COMPLETIONS, `{"stop":${many('[]')}}`, 'stop'],
    [COMPLETIONS, `{"logit_bias":${many('[]')}}`, 'logit_bias'],
    ['/v1/score', `{"input":${many('{}')}}`, 'input'],
  ] as const) {
    const response = await post(path, body);
    assert.deepEqual([response.status, (await response.json()).error.param], [400, param], body.slice(0, 20));
  }
  assert.deepEqual(errors, []);
});

test('a key is required everywhere but at /health', async (context) => {
  const { url, post } = await serveModel(context, { apiKey: 'secret' });
  const withKey = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
  for (const key of ['wrong', 'secre', 'secrets', 'SECRET', '\u00ff']) {
    assert.equal((await post(COMPLETIONS, {}, withKey(key))).status, 401, key);
  }
  assert.equal((await post(COMPLETIONS, {})).status, 401);
  assert.equal((await post(COMPLETIONS, {}, { headers: { authorization: 'Basic secret' } })).status, 401);
  assert.equal((await fetch(`${url}/metrics`)).status, 401);
  assert.equal((await fetch(`${url}/health`)).status, 200);
  assert.equal((await post(COMPLETIONS, {}, withKey('secret'))).status, 200);
});

test('health and metrics', async (context) => {
  const { url, ask } = await serveModel(context);
  await ask(COMPLETIONS, { prompt: 'abc', max_tokens: 7 });
  assert.deepEqual(await (await fetch(`${url}/health`)).json(), { status: 'ok', models: ['tiny'] });
  const response = await fetch(`${url}/metrics`);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const metrics = await response.text();
  assert.match(metrics, /^char_rnn_requests_total\{path="\/v1\/completions",status="200"\} 1$/m);
  assert.match(metrics, /^char_rnn_generated_tokens_total\{model="tiny"\} 7$/m);
  assert.match(metrics, /^char_rnn_first_token_seconds_bucket\{le="\+Inf"\} 1$/m);
  for (const line of metrics.trim().split('\n')) {
    assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [\d.e+-]+)$/);
  }
  assert.equal((await fetch(`${url}/health`, { method: 'HEAD' })).status, 200);
});

test('a score is the same as in the library; the first character is not counted', async (context) => {
  const { ask, model } = await serveModel(context);
  const inputs = ['Hello, world.', 'abc'];
  const { data, usage } = await ask('/v1/score', { model: 'tiny', input: inputs });
  assert.equal(usage.prompt_tokens, 16);
  for (const [index, input] of inputs.entries()) {
    const expected = await model.score(input);
    const score = data[index];
    assert.equal(score.characters, input.length - 1);
    assert.equal(score.tokens.join(''), input);
    assert.equal(score.token_logprobs[0], null);
    assert.ok(Math.abs(score.nats - expected.nats) < 1e-4);
    assert.ok(Math.abs(score.bits_per_character - expected.bitsPerCharacter) < 1e-5);
    assert.ok(Math.abs(score.perplexity - expected.perplexity) < 1e-2);
  }
});

test('a model over bytes sends only whole characters, and U+FFFD for invalid bytes', async (context) => {
  const symbols = ['\u0061', '\u0080', '\u00c3', '\u00e2', '\u00f0'];
  const model = madeModel({ kind: 'byte', symbols });
  const { ask, post } = await serveModel(context, {}, model);
  const given = { prompt: '', max_tokens: 500, seed: 3 };
  const [text] = await model.generateAll({ prompts: [''], length: 500, seed: 3 });
  assert.match(text as string, /\ufffd/);
  const { choices } = await ask(COMPLETIONS, { ...given, logprobs: 0 });
  assert.equal(choices[0].text, text);
  assert.ok(choices[0].logprobs.tokens.includes('bytes:\\xc3'));
  const events = await (await post(COMPLETIONS, { ...given, stream: true })).text();
  const pieces = [...events.matchAll(/^data: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json as string));
  assert.equal(pieces.map((piece) => piece.choices[0].text).join(''), text);
});

test('unknown characters are left out or replaced if the request says so', async (context) => {
  const { ask } = await serveModel(context);
  const text = async (prompt: string, unknown?: string) =>
    (await ask(COMPLETIONS, { prompt, unknown, echo: true, max_tokens: 0 })).choices[0].text;
  assert.equal(await text('a\u00e9b', 'skip'), 'ab');
  assert.equal(await text('a\u00e9b', 'nearest'), 'aeb');
});
