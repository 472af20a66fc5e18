/** `char-rnn convert` and what the other commands do with what it writes, as a person types them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { python } from '../formats/python.ts';
import { sharedFolder, temporaryFolder } from '../temporary-folder.ts';
import { charRnn, root, skipWithoutSignals } from './command.ts';
import { residentCharRnn } from './resident.ts';

const text = 'the harbour wall stood in the rain, and the keeper walked along it.\n'.repeat(20);

const resident = residentCharRnn();

/** A model that was trained a little; made once. */
let trained: Uint8Array;
const folder = sharedFolder();
before(async () => {
  writeFileSync(join(folder, 'book.txt'), text);
  const shape = ['-rnn_size', '12', '-batch_size', '4', '-seq_length', '10', '--max_iterations', '30'];
  const run = await resident(['train', 'book.txt', ...shape], { cwd: folder });
  assert.equal(run.code, 0, run.stderr);
  trained = readFileSync(join(folder, 'cv', 'last.safetensors'));
});

/** A folder with `model.safetensors`. */
function setUp(context: TestContext, checkpoint: Uint8Array = trained) {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'model.safetensors'), checkpoint);
  const run = (...words: string[]) => resident(words, { cwd: folder });
  return { folder, run };
}

for (const name of ['out.onnx', 'out.npz']) {
  test(`to ${name} and back: every command takes it, and the weights have the same bits`, async (context) => {
    const { folder, run } = setUp(context);
    const made = await run('convert', 'model.safetensors', name);
    assert.equal(made.code, 0, made.stderr);
    assert.match(
      made.stdout,
      /^model\.safetensors: safetensors, lstm, 2 layers of 12, [\d,]+ parameters, float32\n/,
    );
    assert.match(made.stdout, new RegExp(`wrote ${name}, [\\d.]+ kB\nleft out: the training state .*\n$`));

    const sample = ['-length', '60', '-seed', '5', '-primetext', 'the '];
    const original = await run('sample', 'model.safetensors', ...sample);
    const same = await run('sample', name, ...sample);
    assert.equal(same.stdout, original.stdout, same.stderr);
    assert.equal(original.stdout.length, 65);

    const tensors = async (path: string) =>
      JSON.parse((await run('inspect', path, '--tensors', '--json')).stdout);
    const ours = await tensors('model.safetensors');
    const theirs = await tensors(name);
    assert.equal(theirs.format, name.slice(4));
    const weights = ({ tensors: all }: { tensors: { name: string }[] }) =>
      all.filter((tensor) => !tensor.name.startsWith('train.'));
    assert.deepEqual(weights(theirs), weights(ours));

    assert.equal((await run('convert', name, 'back.safetensors')).code, 0);
    assert.equal((await run('convert', 'model.safetensors', 'plain.safetensors', '--to', 'pytorch')).code, 0);
    assert.deepEqual(
      readFileSync(join(folder, 'back.safetensors')),
      readFileSync(join(folder, 'plain.safetensors')),
    );
  });

  test(`training goes on from ${name} with -init_from`, async (context) => {
    const { folder, run } = setUp(context);
    writeFileSync(join(folder, 'book.txt'), text);
    await run('convert', 'model.safetensors', name);
    const short = ['-batch_size', '4', '-seq_length', '10', '--max_iterations', '3', '--log', 'plain'];
    const tuned = await run('train', 'book.txt', '-init_from', name, ...short, '-checkpoint_dir', 'a');
    const same = await run(
      'train',
      'book.txt',
      '-init_from',
      'model.safetensors',
      ...short,
      '-checkpoint_dir',
      'b',
    );
    assert.equal(tuned.code, 0, tuned.stderr);
    const losses = (out: string) => out.match(/train_loss = [\d.]+/g);
    assert.equal(losses(tuned.stdout)?.length, 3);
    assert.deepEqual(losses(tuned.stdout), losses(same.stdout), 'as from the model itself');
    const fresh = await run('train', 'book.txt', '-rnn_size', '12', ...short, '-checkpoint_dir', 'c');
    assert.notDeepEqual(losses(fresh.stdout), losses(tuned.stdout), 'not from the start');
  });
}

test('nothing is overwritten without --force', async (context) => {
  const { folder, run } = setUp(context);
  writeFileSync(join(folder, 'model.py'), 'mine');
  const refused = await run('convert', 'model.safetensors', 'model.safetensors', '--as-module');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^model\.safetensors exists, .*\nTo replace it:\n {2}.*--force/);
  const beside = await run(
    'convert',
    'model.safetensors',
    'x/model.npz',
    '--to',
    'safetensors',
    '--as-module',
  );
  assert.equal(beside.code, 0, beside.stderr);
  const module = await run('convert', 'model.safetensors', 'new.safetensors', '--to', 'pytorch');
  assert.equal(module.code, 0);
  writeFileSync(join(folder, 'new.py'), 'mine');
  const again = await run('convert', 'model.safetensors', 'new.safetensors', '--as-module');
  assert.equal(again.code, 1);
  assert.equal(readFileSync(join(folder, 'new.py'), 'utf8'), 'mine');
  const forced = await run('convert', 'model.safetensors', 'new.safetensors', '--as-module', '--force');
  assert.equal(forced.code, 0, forced.stderr);
  assert.match(readFileSync(join(folder, 'new.py'), 'utf8'), /"new\.safetensors"/);
});

test('wrong usage and unreadable files get a clear message, and no file is left behind', async (context) => {
  const { folder, run } = setUp(context, joined(encodeCheckpoint(madeCheckpoint({ cell: 'gru' }))));
  writeFileSync(join(folder, 'other.zip'), Uint8Array.of(0x50, 0x4b, 3, 4));
  const cases: [string[], number, RegExp][] = [
    [['model.safetensors'], 2, /takes two files, IN and OUT, got 1\.\nFor example:\n {2}.* convert /],
    [['model.safetensors', 'out.pt'], 2, /does not show the format[\s\S]*PyTorch reads \.safetensors/],
    [['model.safetensors', 'out'], 2, /does not show the format/],
    [
      ['model.safetensors', 'out.onnx', '--as-module'],
      2,
      /--as-module works only with .*\n.*\n {2}.*convert model\.safetensors out\.safetensors --as-module/,
    ],
    [
      ['model.safetensors', 'out.safetensors', '--to', 'pytorch'],
      1,
      /that of nn\.GRU acts after it[\s\S]*--as-module/,
    ],
    [['missing.t7', 'out.onnx'], 1, /there is no checkpoint missing\.t7/],
    [['other.zip', 'out.onnx'], 1, /other\.zip is cut short/],
    [
      ['model.safetensors', 'out.onnx', '--from', 'npz'],
      1,
      /model\.safetensors .*zip[\s\S]*read as npz, but it begins like a file in safetensors\.\nRecognise the format.*:\n {2}.*convert model\.safetensors out\.onnx\n/,
    ],
  ];
  for (const [words, code, message] of cases) {
    const outcome = await run('convert', ...words);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr, message);
    assert.equal(outcome.stdout, '');
  }
  assert.deepEqual(readdirSync(folder).sort(), ['model.safetensors', 'other.zip']);
});

test('anything that is not a file is never replaced, even with --force', async (context) => {
  const { folder, run } = setUp(context);
  const pipe = join(folder, 'pipe');
  if (spawnSync('mkfifo', [pipe]).status !== 0) return context.skip("named pipes can't be made here");
  symlinkSync('pipe', join(folder, 'link'));
  symlinkSync('/proc/self/exe', join(folder, 'open'));
  mkdirSync(join(folder, 'folder.npz'));
  for (const name of ['pipe', 'link', 'open', 'folder.npz']) {
    const refused = await run('convert', 'model.safetensors', name, '--to', 'npz', '--force');
    assert.equal(refused.code, 1, name);
    assert.match(refused.stderr, new RegExp(`^${name} is not a file, and was not changed`));
  }
  assert.ok(lstatSync(pipe).isFIFO() && lstatSync(join(folder, 'link')).isSymbolicLink());
});

/** Loaded before the program: a file that it writes is complete only after a signal. */
const SLOW_WRITING = `
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
const { open } = promises;
promises.open = async (path, flags) => {
  const file = await open(path, flags);
  if (flags === 'wx') {
    process.stdout.write('begun\\n');
    const alive = setInterval(() => {}, 1000);
    await new Promise((resolve) => process.once('SIGINT', resolve));
    clearInterval(alive);
  }
  return file;
};
syncBuiltinESMExports();
`;

test('a signal leaves no partial file', async (context) => {
  if (skipWithoutSignals) return context.skip(skipWithoutSignals);
  const { folder } = setUp(context);
  let begun: string[] = [];
  const { code } = await charRnn(['convert', 'model.safetensors', 'out.t7'], {
    cwd: folder,
    preload: SLOW_WRITING,
    onOutput(soFar, child) {
      if (child.killed || !soFar.includes('begun')) return;
      begun = readdirSync(folder);
      child.kill('SIGINT');
    },
  });
  assert.equal(code, 130);
  assert.ok(
    begun.some((name) => name.startsWith('.out.t7.')),
    begun.join(),
  );
  assert.deepEqual(readdirSync(folder), ['model.safetensors']);
});

test('--json lists the written files and what is lost', async (context) => {
  const { folder, run } = setUp(context);
  const made = await run('convert', 'model.safetensors', 'vocabulary.json', '--weights', 'npz', '--json');
  const { from, format, to, files, notices } = JSON.parse(made.stdout);
  assert.deepEqual([from, format, to], ['model.safetensors', 'safetensors', 'vocabulary']);
  assert.deepEqual(
    files,
    ['vocabulary.json', 'vocabulary.npz'].map((path) => ({
      path,
      bytes: readFileSync(join(folder, path)).length,
    })),
  );
  assert.match(notices.join(), /left out: the training state/);
});

test('a vocabulary for torch-rnn, together with weights for NumPy', async (context) => {
  const { folder, run } = setUp(context);
  const made = await run('convert', 'model.safetensors', 'vocabulary.json', '--weights', 'npz');
  assert.equal(made.code, 0, made.stderr);
  assert.match(
    made.stdout,
    /wrote vocabulary\.json, .*\nwrote vocabulary\.npz, .*\nleft out: the training state/,
  );
  assert.doesNotMatch(made.stdout, /left out: the weights/);
  const { token_to_idx: toIndex } = JSON.parse(readFileSync(join(folder, 'vocabulary.json'), 'utf8'));
  assert.equal(toIndex['\n'], 1);
  const inspected = await run('inspect', 'vocabulary.json');
  assert.match(inspected.stdout, /vocabulary size {2}\d+\n/);
  assert.equal((await run('inspect', 'vocabulary.npz')).code, 0);
});

test('float64 is rounded for ONNX by default, with a notice', async (context) => {
  const { run } = setUp(context, joined(encodeCheckpoint(madeCheckpoint({ precision: 'float64' }))));
  const rounded = await run('convert', 'model.safetensors', 'out.onnx');
  assert.match(rounded.stdout, /rounded to float32/);
  const kept = await run('convert', 'model.safetensors', 'whole.onnx', '--precision', 'float64');
  assert.doesNotMatch(kept.stdout, /rounded/);
  const precision = async (path: string) =>
    JSON.parse((await run('inspect', path, '--json')).stdout).precision;
  assert.equal(await precision('out.onnx'), 'float32');
  assert.equal(await precision('whole.onnx'), 'float64');
});

test('to the original and back: the numbers of float32, in float64', async (context) => {
  const { folder, run } = setUp(context);
  const made = await run('convert', 'model.safetensors', 'model.t7');
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /left out: the training state \(moments[\s\S]*written as float64/);
  const back = await run('convert', 'model.t7', 'back.safetensors', '--precision', 'float32');
  assert.equal(back.code, 0, back.stderr);
  const weights = (name: string) => openCheckpoint(readFileSync(join(folder, name)), name).parameters;
  assert.deepEqual(weights('back.safetensors'), weights('model.safetensors'));
});

test('the example in Python samples from a module', async (context) => {
  const interpreter = python(context, 'torch');
  if (!interpreter) return;
  const { folder, run } = setUp(context);
  const made = await run('convert', 'model.safetensors', 'm.safetensors', '--to', 'pytorch', '--as-module');
  assert.equal(made.code, 0, made.stderr);
  const example = join(root, 'examples', 'python', 'sample.py');
  const overBytes = join(root, 'test', 'fixtures', 'original', 'checkpoints', 'rnn16x2.t7');
  assert.equal((await run('convert', overBytes, 'b.safetensors', '--as-module')).code, 0);
  // Importing PyTorch takes seconds: once for both.
  const both = `
import runpy, sys
def sample(*words):
    sys.argv = [${JSON.stringify(example)}, *words]
    runpy.run_path(sys.argv[0], run_name="__main__")
sample("m.py", "the ")
sample("b.py", "The é")`;
  const outcome = spawnSync(interpreter, ['-c', both], { cwd: folder, encoding: 'utf8' });
  assert.match(outcome.stdout, /^the /);
  assert.ok(existsSync(join(folder, 'm.safetensors')));
  assert.equal([...outcome.stdout].length, 4 + 300 + 1);
  assert.equal(outcome.status, 1);
  assert.match(outcome.stderr, /ValueError: byte 4, 0xc3, is not in the vocabulary/);
  const nothing = spawnSync(interpreter, [example], { encoding: 'utf8' });
  assert.equal(nothing.status, 1);
  assert.match(nothing.stderr, /python3 examples\/python\/sample\.py model\.py/);
  assert.doesNotMatch(nothing.stderr, /Traceback/);
});
