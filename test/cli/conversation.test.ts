/** `sample -i`: turns, commands, and what the text so far is. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { Conversation } from '../../src/cli/sampling/conversation.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { LanguageModel } from '../../src/language-model.node.ts';
import { checkGenerateOptions, type GenerateOptions } from '../../src/sample/options.ts';
import { sequenceSeed } from '../../src/sample/sequence-seed.ts';
import { joinBytes } from '../../src/util/bytes.ts';
import type { Given } from '../../src/util/check-options.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { charRnn } from './command.ts';

const symbols = [...'\n /abcé'].toSorted();
const vocabulary = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });
const checkpoint = madeCheckpoint({ vocabulary });
const model = new LanguageModel(checkpoint, { engine: 'reference' });

function talk(options: Given<GenerateOptions>) {
  const said: string[] = [];
  const conversation = new Conversation({
    model,
    options: checkGenerateOptions(options),
    prompt: options.prompt ?? '',
    say: (line) => said.push(line),
  });
  const take = async (line: string, signal = new AbortController().signal) => {
    const parts: Uint8Array[] = [];
    const turn = conversation.take(line, signal);
    for (;;) {
      const { value, done } = await turn.next();
      if (done) return { text: new TextDecoder().decode(joinBytes(parts)), goesOn: value };
      parts.push(value);
    }
  };
  return { conversation, take, said };
}

async function whole(options: Given<GenerateOptions>): Promise<string> {
  let text = '';
  for await (const piece of model.generate(options)) text += piece;
  return text;
}

const generated = (prompt: string, length: number, turn: number) =>
  whole({ prompt, length, seed: sequenceSeed(123, turn) });

test('each line continues the whole text so far; the first turn equals what sample writes', async () => {
  const { take } = talk({ length: 12, prompt: 'a' });
  const first = await take('bc');
  assert.equal(first.text, await generated('abc', 12, 0));
  const second = await take('é');
  assert.equal(second.text, await generated(`abc${first.text}é`, 12, 1));
  const third = await take('');
  assert.equal(third.text, await generated(`abc${first.text}é${second.text}`, 12, 2));
});

test('commands change options, reset and show the text, and quit', async () => {
  const { take, said } = talk({ length: 5 });
  await take('ab');
  await take('/text');
  assert.ok(said.at(-1)?.startsWith('ab') && said.at(-1)?.length === 7);
  await take('/length 3');
  await take('/temp 0');
  await take('/reset');
  const greedy = await take('ab');
  const expected = await whole({ prompt: 'ab', length: 3, temperature: 0 });
  assert.equal(greedy.text, expected);
  await take('/temp -1');
  assert.match(said.at(-1) ?? '', /temperature: got -1/);
  await take('/nonsense');
  assert.ok(said.includes('there is no command /nonsense') && said.some((line) => line.includes('/reset')));
  assert.equal((await take('/quit')).goesOn, false);
});

test('a backslash joins lines, escapes are replaced, // begins with a slash, an unknown character does not end the conversation', async () => {
  const { take, conversation, said } = talk({ length: 0 });
  await take('a\\');
  assert.ok(conversation.isOpen);
  await take('b');
  await take('\\n//');
  await take('//c');
  await take('😀');
  assert.match(said.at(-1) ?? '', /is not in the model's vocabulary/);
  await take('/text');
  assert.equal(said.at(-1), 'a\nb\n///c');
});

test('a stopped turn keeps what was written', async () => {
  const { take, said } = talk({ length: 50 });
  const controller = new AbortController();
  controller.abort();
  assert.equal((await take('ab', controller.signal)).goesOn, true);
  await take('/text');
  assert.equal(said.at(-1), 'ab');
});

test('a text that becomes too long loses its beginning, with one message per turn', async () => {
  const { take, said } = talk({ length: 200, prompt: 'a'.repeat(49_000) });
  await take('b'.repeat(2000));
  await take('c');
  assert.deepEqual(said, ['the text is too long: its first 49,000 bytes were dropped']);
});

test('flags that do not work with --interactive are refused before anything is read', async () => {
  const { code, stderr } = await charRnn(['sample', 'missing.safetensors', '-i', '--prime-file', '-']);
  assert.equal(code, 2);
  assert.match(stderr, /--prime-file needs the name of a file/);
});

test('lines may come from a pipe', async () => {
  const cwd = sharedFolder();
  writeFileSync(join(cwd, 'm.safetensors'), joinBytes(encodeCheckpoint(checkpoint)));
  const run = (input: string, ...flags: string[]) =>
    charRnn(['sample', 'm.safetensors', '-i', ...flags], { cwd, input });
  const { code, stdout, stderr } = await run('ab\n/length 0\nc\n', '-length', '9');
  assert.equal(code, 0, stderr);
  const first = await generated('ab', 9, 0);
  assert.equal(stdout, first.endsWith('\n') ? first : `${first}\n`);
  assert.equal((await run('', '--count', '2')).code, 2);
});
