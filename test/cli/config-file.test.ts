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
  assert.deepEqual([hiddenSize, origins.hiddenSize, origins.seed], [8, 'config', 'config']);
  const [a, b] = await Promise.all(
    ['cv', 'again'].map((name) => readCheckpointFile(join(folder, name, 'last.safetensors'))),
  );
  assert.deepEqual(b?.parameters, a?.parameters);
});
