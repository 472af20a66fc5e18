/** Config files: read by flag or library name, below the flags, and written by each run so that it can be repeated. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseArguments } from '../../src/cli/arguments/arguments.ts';
import { withConfig } from '../../src/cli/arguments/config-file.ts';
import { sampleCommand } from '../../src/cli/commands/sample.ts';
import { trainCommand } from '../../src/cli/commands/train.ts';
import { readCheckpointFile } from '../../src/formats/read.node.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { residentCharRnn } from './resident.ts';

const charRnn = residentCharRnn();
const folder = sharedFolder();
let files = 0;

function config(content: unknown): string {
  const path = join(folder, `config-${files++}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const read = (content: unknown, ...words: string[]) =>
  withConfig(parseArguments(['--config', config(content), ...words], trainCommand.flags), trainCommand);

test('options may have any of their names; flags override them; each option records its origin', () => {
  const found = read(
    { rnn_size: 64, lr: 0.01, maxEpochs: 3, 'batch-size': 7, text: 'a.txt' },
    '-seed',
    '9',
    '--lr',
    '0.1',
  );
  assert.deepEqual(found.values, { hiddenSize: 64, learningRate: 0.1, maxEpochs: 3, batchSize: 7, seed: 9 });
  assert.deepEqual(found.origins, {
    hiddenSize: 'config',
    learningRate: 'flag',
    maxEpochs: 'config',
    batchSize: 'config',
    seed: 'flag',
  });
  assert.deepEqual(found.positionals, [resolve(folder, 'a.txt')]);
  assert.match(found.typed.get('hiddenSize') ?? '', /config-\d+\.json, rnn_size$/);
  assert.deepEqual(read({ text: 'a.txt' }, 'b.txt').positionals, ['b.txt']);
  assert.equal(read({ init_from: 'm.safetensors' }).values.initFrom, resolve(folder, 'm.safetensors'));
  // As files of earlier versions name them.
  const held = read({ validFile: 'v.txt', testFile: 't.txt' }).values;
  assert.deepEqual([held.validation, held.test], [resolve(folder, 'v.txt'), resolve(folder, 't.txt')]);
});

test('defaults that a run wrote stay open; other values are set', () => {
  const kind = 'char-rnn run';
  const run = { kind, rnn_size: 128, layers: 2, maxEpochs: 60, dropout: 0 };
  const chosen = { ...run, origins: { layers: 'flag' } };
  // A value that nobody chose and that differs from the default was edited, or comes from a version with another default.
  assert.deepEqual(read(chosen).values, { layers: 2, maxEpochs: 60 });
  assert.deepEqual(read(chosen).origins, { layers: 'config', maxEpochs: 'config' });
  assert.equal(read(chosen).typed.has('hiddenSize'), false);
  // Without origins, a run can't tell.
  assert.deepEqual(read(run).values, { maxEpochs: 60 });
  // In a file that a person wrote, a default is a choice.
  const { kind: _, ...written } = run;
  assert.deepEqual(read(written).values, { hiddenSize: 128, layers: 2, maxEpochs: 60, dropout: 0 });
});

test('errors name the file and the key', async () => {
  assert.throws(
    () => read({ rnn_sise: 64 }),
    /config-\d+\.json: train has no option rnn_sise\. Did you mean rnn-size\?/,
  );
  assert.throws(() => read({ n_layer: 2 }), /Did you mean num-layers\?/);
  assert.throws(() => read({ config: 'other.json' }), /config: a config file can't name another one\./);
  assert.throws(() => read({ rnn_size: 64, hiddenSize: 65 }), /hiddenSize sets the same option/);
  assert.throws(() => read('{"a":'), /is not valid JSON/);
  assert.throws(() => read([1]), /not a JSON object/);
  assert.throws(() => read({ text: 3 }), /text: got 3, expected a path/);
  assert.throws(() => read({ command: 'sample' }), /is a config file of sample, not of train/);
  assert.throws(
    () => withConfig(parseArguments(['--config', '/nowhere'], sampleCommand.flags), sampleCommand),
    /can't be read/,
  );
  const wrong = await charRnn(['train', '--config', config({ dropout: 'x', text: 'package.json' })]);
  assert.match(wrong.stderr, /config-\d+\.json, dropout: got "x", expected a number/);
  assert.equal(wrong.code, 2);
});

test('the run.json of a run repeats it, bit for bit, in another folder', async () => {
  const text = readFileSync(
    fileURLToPath(new URL('../fixtures/original/harbour.txt', import.meta.url)),
  ).subarray(0, 4000);
  writeFileSync(join(folder, 'book.txt'), text);
  const flags = ['-rnn_size', '8', '-num_layers', '1', '--fit', '-max_iterations', '6', '-dropout', '0.1'];
  const first = await charRnn(['train', 'book.txt', ...flags], { cwd: folder });
  assert.equal(first.code, 0, first.stderr);
  const written = JSON.parse(readFileSync(join(folder, 'cv', 'run.json'), 'utf8'));
  assert.deepEqual(
    [Object.keys(written)[0], written.kind, written.text],
    ['kind', 'char-rnn run', [join(folder, 'book.txt')]],
  );
  assert.deepEqual(written.origins, {
    hiddenSize: 'flag',
    layers: 'flag',
    maxIterations: 'flag',
    dropout: 'flag',
    batchSize: 'preset',
    sequenceLength: 'preset',
  });
  const again = await charRnn(['train', '--config', 'cv/run.json', '-checkpoint_dir', 'again'], {
    cwd: folder,
  });
  assert.equal(again.code, 0, again.stderr);
  const { origins, hiddenSize } = JSON.parse(readFileSync(join(folder, 'again', 'run.json'), 'utf8'));
  assert.deepEqual([hiddenSize, origins.hiddenSize, origins.seed], [8, 'config', undefined]);
  const [a, b] = await Promise.all(
    ['cv', 'again'].map((name) => readCheckpointFile(join(folder, name, 'last.safetensors'))),
  );
  assert.deepEqual(b?.parameters, a?.parameters);
});

test('a preset chooses what the run of a config file left open', async () => {
  writeFileSync(join(folder, 'long.txt'), 'All the ships lay in the harbour.\n'.repeat(300));
  const flags = ['-checkpoint_dir', 'open', '-num_layers', '1', '-max_iterations', '1'];
  const first = await charRnn(['train', 'long.txt', ...flags], { cwd: folder });
  assert.equal(first.code, 0, first.stderr);
  const preset = ['--config', 'open/run.json', '-checkpoint_dir', 'chosen', '--time', '1s'];
  const chosen = await charRnn(['train', ...preset], { cwd: folder });
  assert.equal(chosen.code, 0, chosen.stderr);
  const { origins, layers, optimizer } = JSON.parse(readFileSync(join(folder, 'chosen', 'run.json'), 'utf8'));
  assert.deepEqual(
    [layers, origins.layers, optimizer, origins.optimizer, origins.hiddenSize],
    [1, 'config', 'adam', 'preset', 'preset'],
  );
  // The command that repeats the choice keeps the config file, which names the text.
  const [command] = chosen.stderr.match(/(?<=The same settings without a measurement:\n).*/) ?? [];
  assert.match(command ?? '', / train --config open\/run\.json -checkpoint_dir chosen --/);
  assert.doesNotMatch(command ?? '', /--time|--preset/);
});
