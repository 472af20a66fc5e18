/** Runs in folders at the command line: what is printed at their end, and folders where a checkpoint is expected. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { lastEpoch } from '../../src/cli/terminal/live-parts.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { residentCharRnn } from './resident.ts';

const SMALL = '-rnn_size 4 -num_layers 1 -batch_size 2 -seq_length 5 -eval_val_every 2'.split(' ');

const charRnn = residentCharRnn();

function setUp(context: TestContext) {
  const cwd = temporaryFolder(context);
  const env = { XDG_CACHE_HOME: join(cwd, 'cache'), TZ: 'UTC' };
  writeFileSync(join(cwd, 'book.txt'), 'the harbour wall stood in the rain. '.repeat(20));
  const run = (words: readonly string[]) => charRnn(words, { cwd, env });
  const train = (...words: string[]) =>
    run(['train', 'book.txt', ...SMALL, '--max_iterations', '4', ...words]);
  /** The commands in some lines, as words after the program's name. */
  const commands = (text: string) =>
    [...text.matchAll(/node \S+main\.js (.+)$/gm)].map(([, words = '']) => words.split(' '));
  return { cwd, run, train, commands };
}

test('the summary of a run: time, best loss, its place; both commands work as printed', async (context) => {
  const { cwd, run, train, commands } = setUp(context);
  const { code, stderr } = await train();
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^trained 4 iterations in [\d.]+ m?s, to iteration 4, epoch 0\.\d+$/m);
  assert.match(
    stderr,
    /^best validation loss \d\.\d{4} at epoch 0\.\d+, \d\.\d\d above the count model of order 5: cv\/best\.safetensors$/m,
  );
  assert.deepEqual(
    commands(stderr).map(([name]) => name),
    ['sample', 'eval'],
  );
  for (const words of commands(stderr)) assert.equal((await run(words)).code, 0, words.join(' '));
  // A file of the user's own is neither replaced nor suggested.
  mkdirSync(join(cwd, 'own'));
  writeFileSync(join(cwd, 'own', 'best.safetensors'), 'mine');
  const own = await train('-checkpoint_dir', 'own');
  assert.match(own.stderr, /sample own\/lstm\.best\.safetensors$/m);
  // A resumed run without an evaluation: the best of before.
  const resumed = await run(['train', '--resume', 'cv', '--max_iterations', '5']);
  assert.match(resumed.stderr, /sample cv\/best\.safetensors$/m);
  const never = await train('-checkpoint_dir', 'never', '-eval_val_every', '100');
  assert.doesNotMatch(never.stderr, /best/);
  assert.match(never.stderr, /sample never\/last\.safetensors$/m);
});

test('train run twice; --resume alone takes the newest run and lists the other; --resume with a text', async (context) => {
  const { cwd, run, train, commands } = setUp(context);
  await train();
  const second = await train();
  assert.match(second.stdout, /^checkpoints: cv-2\/ \(cv\/ holds the run of book\.txt from \d\d:\d\d\)$/m);
  writeFileSync(join(cwd, 'other.txt'), 'a lantern swung over the grey water. '.repeat(20));
  await run(['train', 'other.txt', ...SMALL, '--max_iterations', '4']);
  const resumed = await run(['train', '--resume', '--max_iterations', '6']);
  assert.match(resumed.stdout, /^resuming cv-3\//m);
  assert.match(resumed.stderr, /^Resuming cv-3, one of 3 runs here/m);
  assert.deepEqual(commands(resumed.stderr).slice(0, 2), [
    ['train', '--resume', 'cv-2'],
    ['train', '--resume', 'cv'],
  ]);
  const ofText = await run(['train', 'book.txt', '--resume', '--max_iterations', '6']);
  assert.match(ofText.stdout, /^resuming cv-2\//m, ofText.stderr);
  const named = await run(['train', '--resume', '-checkpoint_dir', 'cv', '--max_iterations', '6']);
  assert.match(named.stdout, /^resuming cv\//m);
  for (const name of ['cv', 'cv-2', 'cv-3']) rmSync(join(cwd, name), { recursive: true });
  const none = await run(['train', '--resume']);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no run to resume in cv\.\n.*\n.* ls$/m);
});

test('each command takes a folder instead of a checkpoint and names the file', async (context) => {
  const { cwd, run, train } = setUp(context);
  await train();
  mkdirSync(join(cwd, 'lone'));
  cpSync(join(cwd, 'cv', 'best.safetensors'), join(cwd, 'lone', 'best.safetensors'), { dereference: true });
  for (const words of [
    ['sample', 'lone', '-length', '3'],
    ['eval', 'cv'],
    ['compare', 'cv', 'lone', 'book.txt'],
    ['inspect', 'cv/'],
    ['convert', 'cv', 'model.npz'],
    ['complete', 'lone', 'the '],
    ['train', 'book.txt', ...SMALL, '--max_iterations', '1', '-init_from', 'lone'],
  ]) {
    const { code, stdout, stderr } = await run(words);
    assert.equal(code, 0, `${words.join(' ')}\n${stderr}`);
    const folder = words.includes('lone') ? 'lone' : 'cv';
    assert.match(stdout + stderr, new RegExp(`^using ${folder}/best\\.safetensors$`, 'm'), words.join(' '));
  }
  mkdirSync(join(cwd, 'empty'));
  const empty = await run(['sample', 'empty']);
  assert.equal(empty.code, 1);
  assert.match(empty.stderr, /^empty is a folder without a model/);
});

test('the epochs of the live view end where its percentage does', () => {
  assert.equal(lastEpoch(50, 900, 423), '2.1');
  assert.equal(lastEpoch(50, 50 * 423, 423), '50');
  assert.equal(lastEpoch(0.5, 211, 423), '0.5', 'an epoch that ends within an iteration');
  assert.equal(lastEpoch(50, 1, undefined), '50', 'before the first iteration');
  assert.equal(lastEpoch(1000, 1, 423), '0.0');
});
