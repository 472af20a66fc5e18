/** Runs the examples of docs/server.md unchanged, against a server with the model `best`. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { joined } from '../checkpoint/made-checkpoint.ts';
import { root } from '../cli/command.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { madeModel, serveModel } from './test-server.ts';

const ADDRESS = 'http://127.0.0.1:8080';
const text = readFileSync(join(root, 'docs/server.md'), 'utf8');
const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, code = '']) => ({
  language,
  code,
}));
const blocksOf = (language: string, word: string) =>
  blocks.filter((block) => block.language === language && block.code.includes(word)).map(({ code }) => code);

async function serveBest(context: TestContext) {
  const served = await serveModel(context);
  await served.server.replace('best', served.model);
  return { ...served, at: (code: string) => code.replaceAll(ADDRESS, served.url) };
}

/** A folder within this package, in which programs find the packages that they import. */
function folderOfPrograms(context: TestContext): string {
  mkdirSync(join(root, 'build'), { recursive: true });
  const folder = mkdtempSync(join(root, 'build', 'document-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs a program to its end, without blocking the server in this process. */
async function outcomeOf(program: string, words: readonly string[], input = '') {
  const child = spawn(program, words, { cwd: root });
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  child.stderr.on('data', (chunk) => {
    printed += chunk;
  });
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, printed };
}

const skipWithout = (program: string, words: readonly string[]) =>
  spawnSync(program, words).status === 0 ? false : `no ${program} ${words.join(' ')} here`;

test('curl', { skip: skipWithout('curl', ['--version']) }, async (context) => {
  const served = await serveModel(context);
  const commands = blocksOf('sh', 'curl').flatMap((code) => code.split(/\n(?=curl)/));
  assert.equal(commands.length, 8);
  const found: unknown[] = [];
  for (const command of commands) {
    const silent = command.replaceAll(ADDRESS, served.url).replace(/^curl/, 'curl -sS --fail-with-body');
    const { code, printed } = await outcomeOf('sh', ['-c', silent]);
    assert.equal(code, 0, `${command}\n${printed}`);
    if (printed.startsWith('{')) found.push(JSON.parse(printed).object);
    else found.push(printed.slice(0, 6));
  }
  assert.deepEqual(found, [
    'text_completion',
    'data: ',
    'chat.completion',
    'list',
    undefined,
    'list',
    '# HELP',
    'text_completion',
  ]);
});

test('the clients in JavaScript', async (context) => {
  const { at, errors } = await serveBest(context);
  const folder = folderOfPrograms(context);
  const programs = ["from 'openai'", "from '@langchain/openai'"].flatMap((word) => blocksOf('js', word));
  assert.equal(programs.length, 2);
  for (const [index, code] of programs.entries()) {
    const file = join(folder, `${index}.mjs`);
    writeFileSync(file, at(code));
    const outcome = await outcomeOf(process.execPath, [file]);
    assert.equal(outcome.code, 0, outcome.printed);
    assert.ok(outcome.printed.length > 400, 'it prints a completion and a reply');
  }
  assert.deepEqual(errors, []);
});

test('the client in Python', { skip: skipWithout('python3', ['-c', 'import openai']) }, async (context) => {
  const { at } = await serveBest(context);
  const [code = ''] = blocksOf('python', 'openai');
  const outcome = await outcomeOf('python3', ['-'], at(code));
  assert.equal(outcome.code, 0, outcome.printed);
  assert.ok(outcome.printed.length > 200);
});

test('a program with its own server answers, and ends when it is stopped', async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'best.safetensors'), joined(encodeCheckpoint(madeModel().checkpoint)));
  const [code = ''] = blocksOf('js', 'LanguageModel.load');
  const file = join(folderOfPrograms(context), 'program.mjs');
  const path = JSON.stringify(join(folder, 'best.safetensors'));
  writeFileSync(file, code.replace("'cv/best.safetensors'", path).replace('port: 8080', 'port: 0'));
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.on('close', (status, signal) => resolve(status ?? signal)));
  const line = await new Promise<string>((resolve) =>
    createInterface({ input: child.stdout }).once('line', resolve),
  );
  const [, url = ''] = /^listening on (.*)$/.exec(line) ?? [];
  const response = await fetch(`${url}/models`);
  assert.equal((await response.json()).data[0].id, 'moby');
  child.kill('SIGINT');
  assert.equal(await ended, 0);
});

test('the template in the document is valid, and the server knows each field in its tables', async (context) => {
  const [, template = ''] = /--chat-template '([^']+)'/.exec(text) ?? [];
  const chatTemplate = template.replaceAll('\\n', '\n');
  const { post } = await serveModel(context, { strict: true, chatTemplate });
  const fieldsOf = (title: string) => {
    const [, section = ''] = new RegExp(`^## ${title}\\n(.*?)^## `, 'ms').exec(text) ?? [];
    return section
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name = '']) => name));
  };
  const nulls = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, null]));
  const completion = fieldsOf('Completions');
  const chat = fieldsOf('Chats');
  assert.ok(completion.length > 18 && chat.length >= 5);
  assert.equal((await post('/v1/completions', { ...nulls(completion), user: 'me' })).status, 200);
  const messages = [{ role: 'user', content: 'Hi' }];
  const both = completion.filter((name) => !['prompt', 'echo', 'best_of'].includes(name));
  const response = await post('/v1/chat/completions', { ...nulls([...both, ...chat]), messages });
  assert.equal(response.status, 200, await response.text());
});
