/** The commands read the original's checkpoints unchanged. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { compareCommand } from '../../src/cli/commands/compare.ts';
import { evalCommand } from '../../src/cli/commands/eval.ts';
import { sampleCommand } from '../../src/cli/commands/sample.ts';
import { slowPrecisionLines } from '../../src/cli/report/slow-precision.ts';
import type { Precision } from '../../src/engine/engine.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { fixtureNumbers } from '../formats/torch7/fixtures.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { printedWords } from './command.ts';
import { residentCharRnn } from './resident.ts';

const charRnn = residentCharRnn();

interface Printed {
  readonly text: string;
  readonly sample_lua_sampled_stdout: Readonly<Record<string, string>>;
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(`../fixtures/original/${file}`, import.meta.url));
}

for (const name of ['lstm16x2', 'gru16x2', 'rnn16x2', 'lstm24x3_drop25']) {
  test(`sample ${name}.t7 prints what sample.lua printed`, async () => {
    const fixture = fixtureNumbers<Printed>(name);
    const samples = Object.entries(fixture.sample_lua_sampled_stdout);
    assert.equal(samples.length, 4);
    for (const [key, printed] of samples) {
      const [, seed, temperature, prime, length] = /^seed(\d+)_temp([\d.]+)_(\w+)_len(\d+)$/.exec(key) ?? [];
      const primeWords = prime === 'prime60' ? ['-primetext', fixture.text] : [];
      const flags = [
        '-seed',
        `${seed}`,
        '-temperature',
        `${temperature}`,
        '-length',
        `${length}`,
        ...primeWords,
      ];
      const { stdout, code } = await charRnn(['sample', pathOf(`checkpoints/${name}.t7`), ...flags]);
      assert.equal(code, 0);
      assert.equal(stdout, printed, key);
    }
  });
}

test('inspect prints the options of the original as flags', async () => {
  const { stdout } = await charRnn(['inspect', pathOf('checkpoints/lstm16x2.t7')]);
  for (const fact of [
    /^ {2}--rnn-size +16$/m,
    /^ {2}--data-dir +data\/slice$/m,
    /\(the last 10 of 3,040\)$/m,
  ]) {
    assert.match(stdout, fact);
  }
  assert.doesNotMatch(stdout, /^ {2}\w+_\w+ /m);
});

test('a double-precision file is sampled in float64 by default', async () => {
  const words = ['sample', pathOf('checkpoints/rnn16x2.t7'), '-length', '5'];
  assert.match((await charRnn(words)).stderr, /float64/);
  assert.match((await charRnn([...words, '--precision', 'float32'])).stderr, /float32/);
});

test('a large model in double precision: a message suggests a faster command, which works', async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, 'large model.safetensors');
  const { training: _, ...model } = madeCheckpoint({ hiddenSize: 500, layers: 1, precision: 'float64' });
  writeFileSync(path, joined(encodeCheckpoint(model)));
  const slow = await charRnn(['sample', path, '-length', '2', '-seed', '4']);
  assert.equal(slow.code, 0, slow.stderr);
  const [, command = ''] = /runs in float64[^\n]*\n[^\n]*:\n {2}(.*)\n/.exec(slow.stderr) ?? [];
  const fast = await charRnn(printedWords(command));
  assert.equal(fast.code, 0, fast.stderr);
  assert.match(fast.stderr, /float32/);
  assert.doesNotMatch(fast.stderr, /ten times/);
  const lines = (checkpoint: Checkpoint, asked?: Precision, command = sampleCommand) =>
    slowPrecisionLines(checkpoint, asked, { command, words: ['m'] }).length;
  assert.equal(lines(model), 3);
  assert.equal(lines(model, undefined, evalCommand), 3);
  assert.equal(lines(model, undefined, compareCommand), 3);
  assert.equal(lines(model, 'float64'), 0, 'it was asked for');
  assert.equal(lines({ ...model, precision: 'float32' }), 0);
  assert.equal(lines(madeCheckpoint({ precision: 'float64' })), 0, 'small ones are fast anyway');
});

test('train -init_from goes on from an original checkpoint', async (context) => {
  const folder = temporaryFolder(context);
  for (const file of ['gru16x2.t7', 'torchrnn_lstm16x2.t7']) {
    const flags = [
      '-checkpoint_dir',
      folder,
      '-batch_size',
      '5',
      '-seq_length',
      '10',
      '--max_iterations',
      '5',
    ];
    const words = ['train', pathOf('harbour.txt'), '-init_from', pathOf(`checkpoints/${file}`), ...flags];
    const { code, stdout, stderr } = await charRnn([...words, '--tokens', 'byte', '--log', 'plain']);
    assert.equal(code, 0, stderr);
    const losses = [...stdout.matchAll(/train_loss = *([\d.]+)/g)].map(([, loss]) => Number(loss));
    assert.equal(losses.length, 5, stdout);
    // An untrained model begins at ln 62 = 4.13.
    assert.ok((losses[0] as number) < 3, `${file}: ${losses}`);
  }
});
