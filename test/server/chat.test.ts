/** Chats: how messages become a prompt, where a reply ends, and what the server returns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ChatMessage,
  chatPrompt,
  chatStops,
  DEFAULT_CHAT_TEMPLATE,
  parseChatTemplate,
} from '../../src/server/openai/chat-template.ts';
import { createServer } from '../../src/server/server.ts';
import { madeModel, serveModel } from './test-server.ts';

const CHAT = '/v1/chat/completions';
const TALK: readonly ChatMessage[] = [
  { role: 'system', content: 'A talk.' },
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello' },
  { role: 'user', content: 'How?' },
];

test('messages become a prompt by the template, and the next turn of the user ends a reply', () => {
  const cases: [string, string, string[]][] = [
    [DEFAULT_CHAT_TEMPLATE, 'A talk.\n\nUser: Hi\nAssistant: Hello\nUser: How?\nAssistant: ', ['\nUser:']],
    ['Q: {user}\n\nA: {assistant}\n\n', 'A talk.\n\nQ: Hi\n\nA: Hello\n\nQ: How?\n\nA: ', ['\n\nQ:', '\nQ:']],
    ['{user}\n{assistant}\n', 'A talk.\n\nHi\nHello\nHow?\n', ['\n']],
    [
      'ROMEO:\n{user}\n\nJULIET:\n{assistant}\n\n',
      'A talk.\n\nROMEO:\nHi\n\nJULIET:\nHello\n\nROMEO:\nHow?\n\nJULIET:\n',
      ['\n\nROMEO:', '\nROMEO:'],
    ],
    ['<{user}|{assistant}>', 'A talk.\n\n<Hi|Hello><How?|', ['><', '\n<']],
  ];
  for (const [template, prompt, stops] of cases) {
    const parsed = parseChatTemplate(template);
    assert.equal(chatPrompt(parsed, TALK), prompt);
    assert.deepEqual(chatStops(parsed), stops);
  }
});

test('a last message of the assistant is continued; consecutive messages of one role stay separate', () => {
  const template = parseChatTemplate(DEFAULT_CHAT_TEMPLATE);
  assert.equal(chatPrompt(template, TALK.slice(1, 3)), 'User: Hi\nAssistant: Hello');
  assert.equal(
    chatPrompt(template, [...TALK.slice(1, 2), ...TALK.slice(3)]),
    'User: Hi\nUser: How?\nAssistant: ',
  );
});

test('a template without its parts is rejected', () => {
  for (const chatTemplate of [
    '',
    '{user}',
    '{assistant}\n{user}\n',
    '{user}{assistant}\n',
    '{user}\n{assistant}',
    '{user}\n{user}\n{assistant}\n',
  ]) {
    assert.throws(() => createServer({}, { chatTemplate }), { option: 'chatTemplate' }, chatTemplate);
  }
});

test('a chat is the completion of its prompt', async (context) => {
  const { ask } = await serveModel(context);
  const given = { max_tokens: 30, seed: 2, temperature: 0.9, n: 2 };
  const chat = await ask(CHAT, { ...given, messages: TALK });
  const prompt = 'A talk.\n\nUser: Hi\nAssistant: Hello\nUser: How?\nAssistant: ';
  const completion = await ask('/v1/completions', { ...given, prompt });
  assert.match(chat.id, /^chatcmpl-\w{32}$/);
  assert.equal(chat.object, 'chat.completion');
  assert.deepEqual(
    chat.choices,
    completion.choices.map((choice: { text: string; index: number; finish_reason: string }) => ({
      index: choice.index,
      message: { role: 'assistant', content: choice.text, refusal: null },
      logprobs: null,
      finish_reason: choice.finish_reason,
    })),
  );
  assert.equal(chat.usage.prompt_tokens, prompt.length);
  assert.equal(chat.usage.completion_tokens, 60);
});

test('a reply ends where the model begins the next turn of the user', async (context) => {
  // A model with few symbols soon writes a line end and U.
  const { ask } = await serveModel(
    context,
    { chatTemplate: 'U{user}\nA{assistant}\n' },
    madeModel({ symbols: ['\n', 'A', 'U'] }),
  );
  const given = { messages: [{ role: 'user', content: 'A' }], seed: 1, max_tokens: 400 };
  const { choices } = await ask(CHAT, given);
  const whole = await ask('/v1/completions', { prompt: 'UA\nA', seed: 1, max_tokens: 400 });
  const text: string = whole.choices[0].text;
  assert.ok(text.includes('\nU'));
  assert.deepEqual(
    [choices[0].message.content, choices[0].finish_reason],
    [text.slice(0, text.indexOf('\nU')), 'stop'],
  );
  const stopped = await ask(CHAT, { ...given, stop: ['AA'] });
  const end = Math.min(
    text.indexOf('\nU'),
    text.includes('AA') ? text.indexOf('AA') : Number.POSITIVE_INFINITY,
  );
  assert.equal(stopped.choices[0].message.content, text.slice(0, end));
});

test('a stream begins with the role, ends with the reason, and joins to the reply', async (context) => {
  const { ask, post } = await serveModel(context);
  const given = { messages: TALK, max_tokens: 3000, seed: 5 };
  const { choices } = await ask(CHAT, given);
  const response = await post(CHAT, { ...given, stream: true, stream_options: { include_usage: true } });
  const events = (await response.text()).split('\n\n').filter(Boolean);
  assert.equal(events.pop(), 'data: [DONE]');
  const chunks = events.map((event) => JSON.parse(event.slice('data: '.length)));
  assert.deepEqual(chunks.pop().usage.completion_tokens, 3000);
  const deltas = chunks.map((chunk) => chunk.choices[0].delta);
  assert.deepEqual(deltas[0], { role: 'assistant', content: '' });
  assert.deepEqual(deltas.at(-1), {});
  assert.equal(deltas.map((delta) => delta.content ?? '').join(''), choices[0].message.content);
  assert.deepEqual(chunks.map((chunk) => chunk.choices[0].finish_reason).filter(Boolean), ['length']);
  for (const chunk of chunks) {
    assert.deepEqual([chunk.object, chunk.id, chunk.usage], ['chat.completion.chunk', chunks[0].id, null]);
  }
});

test('messages as clients send them: parts, other roles for the system, no content, unknown characters', async (context) => {
  const { ask } = await serveModel(context);
  const reply = async (messages: unknown, more: object = {}) => {
    const { choices, usage } = await ask(CHAT, { messages, seed: 1, max_tokens: 10, ...more });
    return [choices[0].message.content, usage.prompt_tokens];
  };
  const plain = await reply([
    { role: 'system', content: 'ab' },
    { role: 'user', content: 'Hi you' },
  ]);
  for (const messages of [
    [
      { role: 'developer', content: 'ab' },
      { role: 'user', content: [{ type: 'text', text: 'Hi you' }] },
    ],
    [
      {
        role: 'system',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'user', name: 'me', content: 'Hi you' },
    ],
    [
      { role: 'system', content: 'ab' },
      { role: 'user', content: 'H\u00ef\u00a0you' },
    ],
    [
      { role: 'system', content: 'ab\u{1f600}' },
      { role: 'user', content: 'Hi you' },
    ],
  ]) {
    assert.deepEqual(await reply(messages), plain, JSON.stringify(messages));
  }
  const withTools = [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: null, tool_calls: [] },
    { role: 'user', content: 'b' },
  ];
  assert.equal((await reply(withTools))[1], 'User: a\nAssistant: \nUser: b\nAssistant: '.length);
  assert.equal((await reply([{ role: 'user', content: 'a' }]))[0].length, 10);
  const long = await ask(CHAT, { messages: [{ role: 'user', content: 'a' }], seed: 1 });
  assert.equal(long.usage.completion_tokens, 500);
});

test('an invalid chat request is an error that names the field', async (context) => {
  const { post } = await serveModel(context, { maxPrompt: 100 });
  const hi = { role: 'user', content: 'Hi' };
  const cases: [object, string][] = [
    [{}, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: 'Hi' }, 'messages'],
    [{ prompt: 'Hi' }, 'messages'],
    [{ messages: ['Hi'] }, 'messages[0]'],
    [{ messages: [hi, { content: 'a' }] }, 'messages[1].role'],
    [{ messages: [{ role: 'tool', content: 'a' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'constructor', content: 'a' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user', content: 5 }] }, 'messages[0].content'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] },
      'messages[0].content[0]',
    ],
    [{ messages: [{ role: 'user', content: 'x'.repeat(99) }] }, 'messages'],
    [{ messages: [{ role: 'user', content: '\u00e9' }], unknown: 'error' }, 'messages'],
    [{ messages: [hi], top_logprobs: 3 }, 'top_logprobs'],
    [{ messages: [hi], logprobs: 3 }, 'logprobs'],
    [{ messages: [hi], logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
    [{ messages: [hi], max_completion_tokens: 100_001 }, 'max_completion_tokens'],
    [{ messages: [hi], n: 129 }, 'n'],
  ];
  for (const [body, param] of cases) {
    const response = await post(CHAT, body);
    const { error } = await response.json();
    assert.deepEqual([response.status, error.param], [400, param], JSON.stringify(body));
  }
});
