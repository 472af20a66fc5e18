/** Writing Torch7 files: reading and writing gives the same file, and a graph made from weights is the original's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpoint } from '../../../src/checkpoint/checkpoint.ts';
import { Vocabulary } from '../../../src/data/vocabulary.ts';
import { CheckpointError } from '../../../src/errors.ts';
import { decodeTorch7, encodeTorch7, type Torch7Kind } from '../../../src/formats/torch7/index.ts';
import { readTorch7 } from '../../../src/formats/torch7/read/decode.ts';
import { Tensor, TorchObject, type Value } from '../../../src/formats/torch7/values.ts';
import { joined, madeCheckpoint } from '../../checkpoint/made-checkpoint.ts';
import { allFixtures, charRnnFixtures, fixtureFile } from './fixtures.ts';
import { tableAt, torch7File, valueAt } from './graphs.ts';
import { assertSameGraph } from './isomorphism.ts';

/** A file's object graph in another kind of file. */
function rewritten(bytes: Uint8Array, kind: Torch7Kind): Uint8Array {
  return torch7File(readTorch7(bytes).value, kind);
}

for (const name of allFixtures) {
  test(`${name}: reading and writing it gives the same file`, () => {
    const bytes = fixtureFile(name);
    assert.ok(Buffer.from(rewritten(bytes, 'binary')).equals(bytes));
  });

  test(`${name}: in ASCII and with longs of 32 bits it is the same model, and reading it back gives the same file`, () => {
    const bytes = fixtureFile(name);
    for (const kind of ['ascii', 'binary32'] as const) {
      const other = rewritten(bytes, kind);
      assert.ok(!Buffer.from(other).equals(bytes));
      assert.deepEqual(decodeTorch7(other, name), decodeTorch7(bytes, name));
      // The original left the batch size unset, with a value of 8 bytes that does not fit in 4.
      if (kind === 'ascii' || !name.includes('lstm')) {
        assert.ok(Buffer.from(rewritten(other, 'binary')).equals(bytes));
      }
    }
  });
}

for (const name of charRnnFixtures.filter((fixture) => !fixture.startsWith('float'))) {
  test(`${name}: the graph made from its weights is the original's`, () => {
    const expected = readTorch7(fixtureFile(name)).value;
    const written = encodeTorch7(decodeTorch7(fixtureFile(name), name));
    assertSameGraph(readTorch7(joined(written)).value, expected);
  });
}

const changes: [string, (root: Value) => void][] = [
  ['one key more', (root) => tableAt(root).add('more', 1)],
  ['another number', (root) => tableAt(root, 'opt').values.splice(0, 1, 0.25)],
  ['another order of nodes', (root) => tableAt(root, 'protos', 'rnn', 'forwardnodes').values.reverse()],
  [
    'an object that is not the same as elsewhere',
    (root) => {
      const modules = tableAt(root, 'protos', 'rnn', 'modules');
      modules.values[0] = new TorchObject('nn.Identity', valueAt(root, 'protos', 'rnn', 'modules', 1));
    },
  ],
  [
    'another weight',
    (root) => {
      const weight = tableAt(root, 'protos', 'rnn', 'modules', 3).get('weight');
      assert.ok(weight instanceof Tensor && weight.storage);
      weight.storage.bytes[100] = (weight.storage.bytes[100] ?? 0) ^ 1;
    },
  ],
];
for (const [what, change] of changes) {
  test(`the comparison of graphs detects ${what}`, () => {
    const read = () => readTorch7(fixtureFile('rnn16x2')).value;
    const changed = read();
    assertSameGraph(changed, read());
    change(changed);
    assert.throws(() => assertSameGraph(changed, read()), assert.AssertionError);
  });
}

for (const cell of ['lstm', 'gru', 'rnn'] as const) {
  for (const layers of [1, 2, 5]) {
    for (const kind of ['binary', 'binary32', 'ascii'] as const) {
      test(`${cell}, ${layers} layers, ${kind}: reads back an export bit for bit`, () => {
        const vocabulary = new Vocabulary({
          kind: 'byte',
          normalize: 'none',
          symbols: ['\n', 'a', 'z', '\u00ff'],
          hasUnknown: false,
        });
        for (const precision of ['float32', 'float64'] as const) {
          const checkpoint = madeCheckpoint({ cell, layers, precision, vocabulary });
          const read = decodeTorch7(joined(encodeTorch7(checkpoint, { kind })), 'x.t7');
          assert.deepEqual([...read.parameters], [...checkpoint.parameters]);
          assert.deepEqual(read.config, checkpoint.config);
          assert.ok(read.vocabulary.equals(vocabulary));
          assert.equal(read.origin?.iteration, 7);
          assert.equal(read.origin?.epoch, 0.7);
          assert.deepEqual(read.origin?.trainLosses, checkpoint.training.trainLosses);
          assert.deepEqual(read.origin?.validationLosses, checkpoint.training.validationLosses);
          const { batch_size, seed, savefile, rnn_size } = read.origin?.options ?? {};
          assert.deepEqual([batch_size, seed, savefile, rnn_size], [4, 123, 'lstm', 3]);
        }
      });
    }
  }
}

test('characters of several bytes', () => {
  const symbols = ['\n', 'a', '\u00e9', '\u20ac', '\u{1F600}'];
  const vocabulary = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });
  const read = decodeTorch7(joined(encodeTorch7(madeCheckpoint({ vocabulary }))), 'x.t7');
  assert.ok(read.vocabulary.equals(vocabulary));
});

const refused: [string, Checkpoint][] = [
  ['an embedding', madeCheckpoint({ embeddingSize: 3 })],
  ['a gru that resets after the product', madeCheckpoint({ cell: 'gru', reset: 'after' })],
];
for (const [what, checkpoint] of refused) {
  test(`refuses to export ${what}, with the reason`, () => {
    assert.throws(
      () => encodeTorch7(checkpoint),
      (error) => error instanceof CheckpointError && error.code === 'torch7-unsupported',
    );
  });
}

test('refuses a vocabulary whose identity matrix is too large for an array, and names formats that can hold it', () => {
  const symbols = Array.from({ length: 25_000 }, (_, index) => String.fromCodePoint(0x4e00 + index));
  const vocabulary = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });
  const checkpoint = madeCheckpoint({ vocabulary, layers: 1, hiddenSize: 1, moments: 0 });
  assert.throws(() => encodeTorch7(checkpoint), {
    code: 'torch7-unsupported',
    message: /would take 5 GB for 25,000 symbols\.\nThese formats hold it: safetensors/,
  });
});
