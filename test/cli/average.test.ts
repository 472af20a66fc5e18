/** `char-rnn average`, as a person types it. */
import assert from 'node:assert/strict';
import { existsSync, linkSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { averageCheckpoints } from '../../src/checkpoint/average.ts';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { residentCharRnn } from './resident.ts';

const charRnn = residentCharRnn();

/** A folder with the checkpoints a, b (iterations 2 and 7) and other, of another run and shape. */
function setUp(context: TestContext) {
  const folder = temporaryFolder(context);
  const [a, b] = [madeCheckpoint({ iteration: 2 }), madeCheckpoint({ iteration: 7 })];
  const other = madeCheckpoint({ hiddenSize: 4, runId: 'another' });
  const foreign = madeCheckpoint({ iteration: 9, runId: 'another' });
  for (const [name, checkpoint] of Object.entries({ a, b, other, foreign }))
    writeFileSync(join(folder, `${name}.safetensors`), joined(encodeCheckpoint(checkpoint)));
  const run = (...words: string[]) => charRnn(['average', ...words], { cwd: folder });
  const read = (name: string) => openCheckpoint(new Uint8Array(readFileSync(join(folder, name))), name);
  return { folder, run, read, a, b };
}

test('writes the mean, and shows the loss of each checkpoint', async (context) => {
  const { folder, run, read, a, b } = setUp(context);
  const made = await run('a.safetensors', 'b.safetensors', '-o', 'mean.safetensors');
  assert.equal(made.code, 0, made.stderr);
  assert.match(
    made.stdout,
    /^a\.safetensors, iteration 2, epoch 0\.70, validation loss 3\.8000\nb\.safetensors, iteration 7, epoch 0\.70, validation loss 3\.8000 at iteration 2\nwrote mean\.safetensors, [\d.]+ kB\nits parameters are the means of 2 checkpoints; it has no training state and no known loss\n$/,
  );
  const mean = averageCheckpoints([a, b]).parameters;
  assert.deepEqual(read('mean.safetensors').parameters, mean);
  assert.equal(read('mean.safetensors').training, undefined);
  const sampled = await charRnn(['sample', 'mean.safetensors', '--length', '20'], { cwd: folder });
  assert.equal(sampled.code, 0, sampled.stderr);

  const again = await run('a.safetensors', 'b.safetensors', '-o', 'mean.safetensors');
  assert.match(again.stderr, /mean\.safetensors exists, .*\nTo replace it:\n {2}.* -o mean.* --force/);
  const half = await run(
    ...['a.safetensors', 'b.safetensors', 'mean.safetensors', '--out', 'half.npz', '--precision', 'float16'],
    '--json',
  );
  assert.equal(half.code, 0, half.stderr);
  const report = JSON.parse(half.stdout);
  assert.equal(report.to, 'npz');
  assert.equal(report.file.bytes, readFileSync(join(folder, 'half.npz')).length);
  assert.deepEqual(report.checkpoints[0], {
    path: 'a.safetensors',
    runId: 'run',
    iteration: 2,
    epoch: 0.7,
    validationLoss: { iteration: 2, loss: 3.8 },
  });
  assert.deepEqual(report.checkpoints[2], { path: 'mean.safetensors' });
  assert.deepEqual([...new Set(read('half.npz').weightTypes)], ['float16']);
});

test('a checkpoint under two names counts once; different runs are reported', async (context) => {
  const { folder, run, read, a, b } = setUp(context);
  symlinkSync('b.safetensors', join(folder, 'link.safetensors'));
  linkSync(join(folder, 'b.safetensors'), join(folder, 'last.safetensors'));
  const names = ['a', 'b', 'link', 'last'].map((name) => `${name}.safetensors`);
  const made = await run(...names, '-o', 'mean.safetensors');
  assert.equal(made.code, 0, made.stderr);
  for (const name of ['link', 'last'])
    assert.match(
      made.stdout,
      new RegExp(`^${name}.safetensors is the same checkpoint as b.*counts once$`, 'm'),
    );
  assert.deepEqual(read('mean.safetensors').parameters, averageCheckpoints([a, b]).parameters);
  const mixed = await run('a.safetensors', 'foreign.safetensors', '-o', 'mixed.safetensors');
  assert.match(mixed.stdout, /^a\.safetensors and foreign\.safetensors come from different runs: /m);
  const one = await run('b.safetensors', 'link.safetensors', '-o', 'one.safetensors');
  assert.equal(one.code, 0, one.stderr);
  assert.match(one.stdout, /^its parameters are those of one checkpoint;/m);
  assert.deepEqual(read('one.safetensors').parameters, b.parameters);
});

test('wrong usage and models that do not fit: a message, and no file', async (context) => {
  const { folder, run } = setUp(context);
  const pair = ['a.safetensors', 'b.safetensors'];
  const cases: [string[], number, RegExp][] = [
    [pair, 2, /a name for the new model, -o OUT\.\nFor example:\n {2}.* average .* -o /],
    [['a.safetensors', '-o', 'x.npz'], 2, /average takes two or more checkpoints\.\nFor example/],
    [[...pair, '-o', 'x.json'], 2, /x\.json would hold a vocabulary/],
    [[...pair, '-o', 'x'], 2, /x: its name does not show the format/],
    [[...pair, '-o', 'x.npz', '--precision', 'bfloat16'], 1, /NumPy has no bfloat16/],
    [
      ['a.safetensors', 'other.safetensors', '-o', 'x.npz'],
      1,
      /other\.safetensors can't be averaged with a\.safetensors: its `?(hiddenSize|--rnn-size)`? is 4, not 3/,
    ],
    [['a.safetensors', 'missing.safetensors', '-o', 'x.npz'], 1, /there is no checkpoint missing/],
  ];
  for (const [words, code, message] of cases) {
    const outcome = await run(...words);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr, message);
  }
  for (const name of ['x', 'x.npz', 'x.json']) assert.ok(!existsSync(join(folder, name)), name);
});
