/** Popular clients against the server. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { serveModel, waitForMetric } from './test-server.ts';

async function setUp(context: TestContext, key?: string) {
  const served = await serveModel(context, { apiKey: key });
  const client = new OpenAI({ baseURL: `${served.url}/v1`, apiKey: key ?? 'none', maxRetries: 0 });
  return { ...served, client };
}

test('openai: models', async (context) => {
  const { client } = await setUp(context);
  const names: string[] = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.deepEqual(names, ['tiny']);
  const model = await client.models.retrieve('tiny');
  assert.equal(model.object, 'model');
  await assert.rejects(client.models.retrieve('other'), { status: 404, code: 'model_not_found' });
});

test('openai: a base URL with a slash at its end, or without /v1', async (context) => {
  const { url } = await setUp(context);
  for (const baseURL of [url, `${url}/`, `${url}/v1/`]) {
    const client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 });
    const { choices } = await client.completions.create({ model: 'tiny', prompt: 'x' });
    assert.equal(choices[0]?.text.length, 16, baseURL);
    assert.equal((await client.models.list()).data[0]?.id, 'tiny', baseURL);
  }
});

test('openai: a completion is what generate gives for the seed', async (context) => {
  const { client, model } = await setUp(context);
  const completion = await client.completions.create({
    model: 'tiny',
    prompt: 'Hello',
    max_tokens: 40,
    temperature: 0.8,
    seed: 5,
  });
  const [expected] = await model.generateAll({ prompts: ['Hello'], length: 40, temperature: 0.8, seed: 5 });
  assert.equal(completion.choices[0]?.text, expected);
  assert.equal(completion.choices[0]?.finish_reason, 'length');
  assert.equal(completion.object, 'text_completion');
  assert.deepEqual(
    [completion.usage?.prompt_tokens, completion.usage?.completion_tokens, completion.usage?.total_tokens],
    [5, 40, 45],
  );
});

test('openai: a stream gives the same text, and its usage when asked for', async (context) => {
  const { client } = await setUp(context);
  const given = { model: 'tiny', prompt: 'Hello', max_tokens: 3000, seed: 5 } as const;
  const whole = await client.completions.create(given);
  const stream = await client.completions.create({
    ...given,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = '';
  let usage: OpenAI.CompletionUsage | null | undefined;
  const reasons: unknown[] = [];
  for await (const chunk of stream) {
    text += chunk.choices[0]?.text ?? '';
    if (chunk.choices[0]?.finish_reason) reasons.push(chunk.choices[0].finish_reason);
    usage = chunk.usage;
  }
  assert.equal(text, whole.choices[0]?.text);
  assert.deepEqual(reasons, ['length']);
  assert.equal(usage?.completion_tokens, 3000);
});

test('openai: several prompts and choices, each with its own seed', async (context) => {
  const { client, model } = await setUp(context);
  const completion = await client.completions.create({
    model: 'tiny',
    prompt: ['A', 'B'],
    n: 2,
    max_tokens: 20,
    seed: 9,
  });
  const expected = await model.generateAll({ prompts: ['A', 'A', 'B', 'B'], length: 20, seed: 9 });
  assert.deepEqual(
    completion.choices.map(({ text, index }) => [index, text]),
    expected.map((text, index) => [index, text]),
  );
});

test('openai: token ids as one prompt and as several', async (context) => {
  const { client, model } = await setUp(context);
  const ids = [...'Hi'].map((symbol) => model.vocabulary.tokenOf(symbol) as number);
  const ask = async (prompt: string | number[] | number[][]) =>
    (await client.completions.create({ model: 'tiny', prompt, max_tokens: 10, seed: 1 })).choices[0]?.text;
  assert.equal(await ask(ids), await ask('Hi'));
  assert.equal(await ask([ids]), await ask('Hi'));
});

test('openai: a text ends before a stop string, streamed or not', async (context) => {
  const { client } = await setUp(context);
  const given = { model: 'tiny', prompt: 'x', max_tokens: 400, seed: 2 } as const;
  const whole = (await client.completions.create(given)).choices[0]?.text ?? '';
  const stop = whole.slice(50, 52);
  const expected = whole.slice(0, whole.indexOf(stop));
  const stopped = await client.completions.create({ ...given, stop });
  assert.deepEqual([stopped.choices[0]?.text, stopped.choices[0]?.finish_reason], [expected, 'stop']);
  assert.equal(stopped.usage?.completion_tokens, expected.length + 2);
  let text = '';
  for await (const chunk of await client.completions.create({
    ...given,
    stop: ['\u0000', stop],
    stream: true,
  }))
    text += chunk.choices[0]?.text;
  assert.equal(text, expected);
});

test('openai: echo and logprobs', async (context) => {
  const { client, model } = await setUp(context);
  const completion = await client.completions.create({
    model: 'tiny',
    prompt: 'abc',
    max_tokens: 5,
    seed: 3,
    echo: true,
    logprobs: 2,
  });
  const [choice] = completion.choices;
  assert.match(choice?.text ?? '', /^abc.{5}$/s);
  const { tokens = [], token_logprobs = [], top_logprobs = [], text_offset = [] } = choice?.logprobs ?? {};
  assert.equal(tokens.join(''), choice?.text);
  assert.deepEqual(text_offset, [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.equal(token_logprobs[0], null);
  const score = await model.score('abc');
  assert.ok(Math.abs((token_logprobs[1] as number) + (score.losses[1] as number)) < 1e-5);
  for (const top of top_logprobs.slice(1)) assert.ok([2, 3].includes(Object.keys(top ?? {}).length));
  const plain = await client.completions.create({ model: 'tiny', prompt: 'abc', max_tokens: 5, seed: 3 });
  assert.equal(`abc${plain.choices[0]?.text}`, choice?.text, 'probabilities change nothing');
  const scored = await client.completions.create({
    model: 'tiny',
    prompt: 'abc',
    max_tokens: 0,
    echo: true,
    logprobs: 0,
  });
  assert.equal(scored.choices[0]?.text, 'abc');
  assert.equal(scored.choices[0]?.logprobs?.token_logprobs?.length, 3);
});

test('openai: logit_bias, penalties, top_p', async (context) => {
  const { client, model } = await setUp(context);
  const given = { model: 'tiny', prompt: '', max_tokens: 60, seed: 4 } as const;
  const text = async (more: Partial<OpenAI.CompletionCreateParamsNonStreaming>) =>
    (await client.completions.create({ ...given, ...more })).choices[0]?.text ?? '';
  const q = String(model.vocabulary.tokenOf('q'));
  assert.equal(await text({ logit_bias: { [q]: 100 } }), 'q'.repeat(60));
  assert.equal(
    new Set(await text({ frequency_penalty: 2, presence_penalty: 2, temperature: 0.01 })).size,
    60,
  );
  const greedy = await text({ temperature: 0 });
  assert.equal(await text({ top_p: 0.0001 }), greedy);
  assert.equal(await text({ top_p: 0 }), greedy);
});

test('openai: best_of gives the likeliest', async (context) => {
  const { client } = await setUp(context);
  const given = { model: 'tiny', prompt: 'x', max_tokens: 10, seed: 6, logprobs: 0 } as const;
  const mean = (choice: OpenAI.CompletionChoice | undefined) =>
    (choice?.logprobs?.token_logprobs ?? []).reduce((sum, value) => sum + value, 0) / 10;
  const all = (await client.completions.create({ ...given, n: 5 })).choices.map(mean);
  const best = await client.completions.create({ ...given, n: 2, best_of: 5 });
  assert.deepEqual(best.choices.map(mean), all.sort((a, b) => b - a).slice(0, 2));
  assert.equal(best.usage?.completion_tokens, 50);
});

test('openai: a chat, whole and streamed', async (context) => {
  const { client, model } = await setUp(context);
  const given = {
    model: 'tiny',
    messages: [
      { role: 'developer', content: 'A talk.' },
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
    ],
    max_completion_tokens: 300,
    seed: 5,
  } satisfies OpenAI.ChatCompletionCreateParams;
  const { choices, usage, object } = await client.chat.completions.create(given);
  const prompt = 'A talk.\n\nUser: Hi\nAssistant: ';
  const [expected] = await model.generateAll({ prompts: [prompt], length: 300, seed: 5 });
  assert.equal(choices[0]?.message.content, expected);
  assert.deepEqual(
    [choices[0]?.message.role, choices[0]?.finish_reason, object, usage?.total_tokens],
    ['assistant', 'length', 'chat.completion', prompt.length + 300],
  );
  const stream = client.chat.completions.stream({ ...given, stream_options: { include_usage: true } });
  const final = await stream.finalChatCompletion();
  assert.deepEqual(final.choices[0]?.message.content, expected);
  assert.equal(final.usage?.completion_tokens, 300);
});

test('openai: errors have the classes of the client, and name the field', async (context) => {
  const { client } = await setUp(context, 'secret');
  await assert.rejects(client.completions.create({ model: 'tiny', prompt: 'x', temperature: 3 }), {
    name: 'Error',
    status: 400,
    param: 'temperature',
    type: 'invalid_request_error',
  });
  await assert.rejects(client.completions.create({ model: 'tiny', prompt: '\u00e9' }), {
    status: 400,
    param: 'prompt',
    code: 'text-unknown-character',
  });
  const stranger = new OpenAI({ baseURL: client.baseURL, apiKey: 'wrong', maxRetries: 0 });
  await assert.rejects(stranger.models.list(), { status: 401, code: 'invalid_api_key' });
});

test('openai: a client that disconnects', async (context) => {
  const { client, url } = await setUp(context);
  const stream = await client.completions.create({
    model: 'tiny',
    prompt: 'x',
    max_tokens: 100_000,
    stream: true,
  });
  for await (const _ of stream) break;
  await waitForMetric(url, 'char_rnn_sequences{model="tiny"} 0');
});

test('ai: the provider for OpenAI-compatible servers, whole and streamed', async (context) => {
  const { url, model } = await setUp(context);
  const provider = createOpenAICompatible({ name: 'char-rnn', baseURL: `${url}/v1` });
  const settings = {
    model: provider.completionModel('tiny'),
    prompt: 'Hello',
    maxOutputTokens: 50,
    seed: 8,
    temperature: 1,
    maxRetries: 0,
  };
  const { text, finishReason, usage } = await generateText(settings);
  assert.equal(text.length, 50);
  assert.equal(finishReason, 'length');
  assert.equal(usage.outputTokens, 50);
  let streamed = '';
  for await (const piece of streamText(settings).textStream) streamed += piece;
  assert.equal(streamed, text);
  assert.ok(model.vocabulary.size > 0);
});

test('ai: a chat, whole and streamed', async (context) => {
  const { url, model } = await setUp(context);
  const provider = createOpenAICompatible({ name: 'char-rnn', baseURL: url });
  const settings = {
    model: provider.chatModel('tiny'),
    system: 'A talk.',
    prompt: 'Hi',
    maxOutputTokens: 50,
    seed: 8,
    maxRetries: 0,
  };
  const { text, finishReason, usage } = await generateText(settings);
  const prompts = ['A talk.\n\nUser: Hi\nAssistant: '];
  assert.deepEqual([text], await model.generateAll({ prompts, length: 50, seed: 8 }));
  assert.deepEqual([finishReason, usage.outputTokens], ['length', 50]);
  let streamed = '';
  for await (const piece of streamText(settings).textStream) streamed += piece;
  assert.equal(streamed, text);
});
