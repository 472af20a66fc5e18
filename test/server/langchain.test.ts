/** LangChain's clients against the server. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AIMessage, HumanMessage, SystemMessage } from '@langchain/core/messages';
import { ChatOpenAI, OpenAI } from '@langchain/openai';
import { serveModel } from './test-server.ts';

type Usage = { readonly input_tokens: number; readonly output_tokens: number } | undefined;

/** The options of every client. The server's address ends with a slash, as people type it. */
async function setUp(context: TestContext) {
  const served = await serveModel(context);
  const settings = {
    model: 'tiny',
    apiKey: 'none',
    maxRetries: 0,
    temperature: 0.8,
    configuration: { baseURL: `${served.url}/v1/` },
    modelKwargs: { seed: 5 },
  };
  return { ...served, settings };
}

test('OpenAI: a text, a stream, several prompts, a stop', async (context) => {
  const { settings, model } = await setUp(context);
  const llm = new OpenAI({ ...settings, maxTokens: 40 });
  const given = { length: 40, temperature: 0.8, seed: 5 };
  const [expected = ''] = await model.generateAll({ prompts: ['Hello'], ...given });
  assert.equal(await llm.invoke('Hello'), expected);
  let streamed = '';
  for await (const piece of await llm.stream('Hello')) streamed += piece;
  assert.equal(streamed, expected);
  const { generations } = await llm.generate(['A', 'B']);
  assert.deepEqual(
    generations.map(([generation]) => generation?.text),
    await model.generateAll({ prompts: ['A', 'B'], ...given }),
  );
  const stop = expected.slice(20, 22);
  assert.equal(await llm.invoke('Hello', { stop: [stop] }), expected.slice(0, expected.indexOf(stop)));
});

test('OpenAI: the best of several texts of a prompt, and no limit', async (context) => {
  const { settings } = await setUp(context);
  const llm = new OpenAI({ ...settings, maxTokens: 10, n: 2, bestOf: 3 });
  const { generations } = await llm.generate(['Hello']);
  assert.deepEqual(
    generations[0]?.map(({ text }) => text.length),
    [10, 10],
  );
});

test('ChatOpenAI: a reply, a stream, and its usage', async (context) => {
  const { settings, ask } = await setUp(context);
  const chat = new ChatOpenAI({ ...settings, maxTokens: 40 });
  const messages = [
    new SystemMessage('A talk.'),
    new HumanMessage('Hi'),
    new AIMessage('Hello'),
    new HumanMessage({ content: [{ type: 'text', text: 'How?' }] }),
  ];
  const reply = await chat.invoke(messages);
  const prompt = 'A talk.\n\nUser: Hi\nAssistant: Hello\nUser: How?\nAssistant: ';
  const { choices } = await ask('/v1/completions', { prompt, max_tokens: 40, temperature: 0.8, seed: 5 });
  assert.equal(reply.content, choices[0].text);
  assert.equal((reply.usage_metadata as Usage)?.input_tokens, prompt.length);
  assert.equal(reply.response_metadata.finish_reason, 'length');
  let streamed = '';
  let outputTokens = 0;
  for await (const chunk of await chat.stream(messages)) {
    streamed += chunk.content;
    outputTokens += (chunk.usage_metadata as Usage)?.output_tokens ?? 0;
  }
  assert.deepEqual([streamed, outputTokens], [reply.content, 40]);
});

test('ChatOpenAI: log-probabilities, and the error of a field', async (context) => {
  const { settings } = await setUp(context);
  const chat = new ChatOpenAI({ ...settings, maxTokens: 5, logprobs: true, topLogprobs: 2 });
  const reply = await chat.invoke('Hi');
  const { content } = reply.response_metadata.logprobs as { content: { token: string }[] };
  assert.equal(content.map(({ token }) => token).join(''), reply.content);
  const wrong = new ChatOpenAI({ ...settings, temperature: 3 });
  await assert.rejects(wrong.invoke('Hi'), /temperature: got 3, expected a number from 0 to 2/);
});
