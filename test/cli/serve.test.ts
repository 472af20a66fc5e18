/** `char-rnn serve` as a person starts, uses and ends it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { joined } from '../checkpoint/made-checkpoint.ts';
import { madeModel } from '../server/test-server.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { program } from './command.ts';
import { residentCharRnn } from './resident.ts';

const charRnn = residentCharRnn();

function writeModel(path: string, iteration: number): void {
  writeFileSync(path, joined(encodeCheckpoint(madeModel({ iteration }).checkpoint)));
}

/** Starts a server in a folder with the checkpoint a.safetensors. */
async function start(context: TestContext, words: readonly string[] = ['a.safetensors'], env = {}) {
  const cwd = temporaryFolder(context);
  writeModel(join(cwd, 'a.safetensors'), 7);
  const child = spawn(process.execPath, [program, 'serve', ...words, '--port', '0', '--threads', '1'], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  context.after(() => child.kill('SIGKILL'));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const lines: string[] = [];
  const reader = createInterface({ input: child.stderr });
  /** The first line from now on, or before, that fits. */
  const line = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const found = lines.map((text) => pattern.exec(text)).find((match) => match !== null);
        if (found) resolve(found);
      };
      reader.on('line', look);
      const fail = () => reject(new Error(`no line ${pattern}:\n${lines.join('\n')}`));
      reader.on('close', fail);
      // A line that never comes fails the test instead of hanging it.
      setTimeout(fail, 60_000).unref();
      look();
    });
  reader.on('line', (text) => lines.push(text));
  const [, url = ''] = await line(/^listening on (http:\/\/127\.0\.0\.1:\d+)\/v1$/);
  const complete = async (body: object) => {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ max_tokens: 30, seed: 1, ...body }),
    });
    return response.json();
  };
  return { cwd, child, ended, lines, line, url, complete };
}

test('curl gets the text that sample writes, and a signal ends the server with 0', async (context) => {
  const { cwd, child, ended, url, complete } = await start(context);
  const sampled = await charRnn(
    ['sample', 'a.safetensors', '-primetext', 'abc', '-length', '30', '-seed', '1', '-verbose', '0'],
    { cwd },
  );
  const { choices, model } = await complete({ prompt: 'abc', echo: true });
  assert.equal(`${choices[0].text}\n`, sampled.stdout);
  assert.equal(model, 'a');
  const curl = spawnSync(
    'curl',
    [
      ...['-sN', `${url}/v1/completions`, '-H', 'content-type: application/json', '-d'],
      '{"prompt": "abc", "max_tokens": 30, "seed": 1, "stream": true, "stream_options": {"include_usage": true}}',
    ],
    { encoding: 'utf8' },
  );
  if (curl.error) context.diagnostic('there is no curl here');
  else
    assert.match(
      curl.stdout,
      /^data: \{"id":"cmpl-[\s\S]*"completion_tokens":30[\s\S]*\ndata: \[DONE\]\n\n$/,
    );
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
});

test('a signal lets running requests finish', async (context) => {
  const { child, ended, line, url } = await start(context, ['a.safetensors', '--drain', '5m']);
  // More than the sockets' buffers hold: it can't end before it is read.
  const running = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ max_tokens: 40_000, seed: 1, logprobs: 5 },
      ...{ stream: true, stream_options: { include_usage: true } },
    }),
  });
  child.kill('SIGINT');
  await line(/^stopping/);
  assert.match(await running.text(), /"completion_tokens":40000\D[\s\S]*\ndata: \[DONE\]\n\n$/);
  assert.equal(await ended, 0);
});

test('--watch reloads a replaced checkpoint; if it is broken, the earlier one stays', async (context) => {
  const { cwd, line, complete, lines } = await start(context, ['moby=a.safetensors', '--watch']);
  const before = await complete({ model: 'moby' });
  writeModel(join(cwd, 'b'), 8);
  renameSync(join(cwd, 'b'), join(cwd, 'a.safetensors'));
  await line(/^moby: loaded the new checkpoint/);
  const after = await complete({ model: 'moby' });
  assert.notEqual(after.choices[0].text, before.choices[0].text);
  writeFileSync(join(cwd, 'a.safetensors'), 'no checkpoint');
  await line(/^moby: can't load the new checkpoint/);
  assert.deepEqual((await complete({ model: 'moby' })).choices, after.choices);
  assert.ok(lines.length < 10);
});

test('reloading does not wait for requests to the earlier checkpoint', async (context) => {
  const { cwd, lines, line, complete, url } = await start(context, ['moby=a.safetensors', '--watch']);
  const long = { max_tokens: 100_000, logprobs: 5, stream: true };
  const running = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(long),
  });
  const texts = new Set([(await complete({})).choices[0].text]);
  for (const iteration of [8, 9]) {
    writeModel(join(cwd, 'b'), iteration);
    lines.length = 0;
    renameSync(join(cwd, 'b'), join(cwd, 'a.safetensors'));
    await line(/^moby: loaded the new checkpoint/);
    texts.add((await complete({})).choices[0].text);
  }
  assert.equal(texts.size, 3);
  await running.body?.cancel();
});

test('the key may come from the environment; an empty or invalid key is refused', async (context) => {
  const { cwd, complete } = await start(context, ['a.safetensors'], { CHAR_RNN_API_KEY: 'secret' });
  assert.equal((await complete({})).error.code, 'invalid_api_key');
  for (const [key, problem] of [
    ['', 'it is empty'],
    ['secret\n', 'it is not a valid key'],
    ['schl\u00fcssel', 'it is not a valid key'],
    [' ', 'it is not a valid key'],
  ] as const) {
    const env = { CHAR_RNN_API_KEY: key };
    const { code, stderr } = await charRnn(['serve', 'a.safetensors', '--port', '0'], { cwd, env });
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^CHAR_RNN_API_KEY: ${problem}, expected one or more characters`));
    assert.ok(!stderr.includes('schl'), 'it does not print the key');
  }
});

test('a taken port is reported before the models are loaded, with a command for another port', async (context) => {
  const { cwd, url } = await start(context);
  const { port } = new URL(url);
  const outcome = await charRnn(['serve', 'missing.safetensors', '--port', port, '--strict'], { cwd });
  assert.equal(outcome.code, 1);
  const [problem, advice, command = ''] = outcome.stderr.split('\n');
  assert.equal(
    problem,
    `can't listen on 127.0.0.1, port ${port}: another program already uses this port (EADDRINUSE).`,
  );
  assert.equal(advice, 'To take any free port:');
  assert.match(command, /^ {2}node \S+main\.js serve missing\.safetensors --strict --port 0$/);
});

test('a model is named after its file, without the extension', async (context) => {
  const { cwd } = await start(context);
  await charRnn(['convert', 'a.safetensors', 'b.onnx'], { cwd });
  await charRnn(['convert', 'a.safetensors', 'c.d.npz'], { cwd });
  renameSync(join(cwd, 'b.onnx'), join(cwd, 'B.ONNX'));
  const { stderr } = await charRnn(['serve', 'B.ONNX', 'c.d.npz', 'a.safetensors', 'missing.t7'], { cwd });
  const names = [...stderr.matchAll(/^(\S+): (?=lstm)/gm)].map(([, name]) => name);
  assert.deepEqual(names, ['B', 'c.d', 'a']);
});

test('bad usage', async (context) => {
  const cwd = temporaryFolder(context);
  writeModel(join(cwd, 'a.safetensors'), 7);
  const cases: [string[], number, RegExp][] = [
    [[], 2, /serve needs a model[\s\S]* serve a\.safetensors$/m],
    [['b.safetensors'], 1, /there is no checkpoint b\.safetensors/],
    [
      ['a.safetensors', './a.safetensors'],
      2,
      /two checkpoints would be called a: .*other=\.\/a\.safetensors/,
    ],
    [['a.safetensors', '--drain', 'long'], 2, /-drain: got "long", expected seconds, such as 10s/],
    [['a.safetensors', '--port', '70000'], 2, /from 0 to 65535/],
    [['a.safetensors', '--api-key', ''], 2, /--api-key: got "", expected one or more characters/],
    [['a.safetensors', '--cors', 'example.com'], 2, /--cors: got .*expected an origin such as/],
    [
      ['a.safetensors', '--chat-template', 'Hi'],
      2,
      /--chat-template: got "Hi", expected a text with \{user\}/,
    ],
  ];
  for (const [words, code, message] of cases) {
    const outcome = await charRnn(['serve', ...words], { cwd });
    assert.equal(outcome.code, code, `${words.join(' ')}: ${outcome.stderr}`);
    assert.match(outcome.stderr, message);
  }
});
