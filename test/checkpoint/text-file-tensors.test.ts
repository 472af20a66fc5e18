/** The files of a run's texts in a checkpoint are read back unchanged, and any damage is a named error. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { bytesSource } from '../../src/checkpoint/safetensors/byte-source.ts';
import {
  encodeSafetensors,
  readSafetensors,
  type TensorToStore,
} from '../../src/checkpoint/safetensors/safetensors.ts';
import type { FileFacts } from '../../src/data/files/known-text.ts';
import { dropFilesIfMany } from '../../src/data/files/known-text.ts';
import { joined, madeCheckpoint } from './made-checkpoint.ts';

const file = (path: string, bytes: number): FileFacts => ({ path, bytes, sha256: 'a1'.repeat(32) });
const files = [file('/texts/a.txt', 12), file('/texts/ö\n.txt', 2 ** 40)];
const known = { bytes: 5, sha256: 'b2'.repeat(32) };

function encoded(): Uint8Array {
  const checkpoint = madeCheckpoint();
  const text = {
    ...{ bytes: 100, sha256: 'ab'.repeat(32), paths: ['/texts'], files },
    validation: { ...known, files: [file('/v', 5)] },
    test: known,
  };
  return joined(encodeCheckpoint({ ...checkpoint, training: { ...checkpoint.training, text } }));
}

test('reads back the files of each text; a text without files has none', () => {
  const { training } = decodeCheckpoint(encoded(), 'x');
  assert.deepEqual(training?.text?.files, files);
  assert.deepEqual(training?.text?.validation, { ...known, files: [file('/v', 5)] });
  assert.deepEqual(training?.text?.test, known);
});

const UTF8 = new TextEncoder();
const bad: Readonly<Record<string, readonly [string, TensorToStore]>> = {
  'one path too few': ['train.files.paths', { shape: [3], values: UTF8.encode('/a\0') }],
  'an empty path': ['train.files.paths', { shape: [5], values: UTF8.encode('/a\0\0/\0').slice(0, 5) }],
  'a path without an end': ['train.files.paths', { shape: [8], values: UTF8.encode('/a\0/b\0/c') }],
  'paths that are not UTF-8': ['train.files.paths', { shape: [2], values: Uint8Array.of(0xff, 0) }],
  'a negative size': ['train.files.bytes', { shape: [3], values: BigInt64Array.of(1n, -1n, 1n) }],
  'a size larger than any file': [
    'train.files.bytes',
    { shape: [3], values: BigInt64Array.of(1n, 2n ** 62n, 1n) },
  ],
  'one size too many': ['train.files.bytes', { shape: [4], values: BigInt64Array.of(1n, 1n, 1n, 1n) }],
  'counts that do not add up': ['train.files.counts', { shape: [3], values: BigInt64Array.of(2n, 2n, 0n) }],
  'a negative count': ['train.files.counts', { shape: [3], values: BigInt64Array.of(4n, -1n, 0n) }],
  'one count too few': ['train.files.counts', { shape: [2], values: BigInt64Array.of(2n, 1n) }],
  'hashes of another length': ['train.files.sha256', { shape: [3, 31], values: new Uint8Array(93) }],
};

for (const [what, [name, tensor]] of Object.entries(bad)) {
  test(`${what}: the checkpoint is damaged`, () => {
    const { tensors, metadata } = readSafetensors(bytesSource(encoded()), 'x');
    const changed = new Map<string, TensorToStore>([...tensors, [name, tensor]]);
    const bytes = joined(encodeSafetensors({ tensors: changed, metadata }));
    assert.throws(() => decodeCheckpoint(bytes, 'x'), { code: 'checkpoint-malformed' });
  });
}

test('leaves out the files of all texts if there are too many, and still identifies the texts', () => {
  const many = Array.from({ length: 50_001 }, (_, index) => file(`/${index}`, 1));
  const long = [file(`/${'x'.repeat(4_000_001)}`, 1)];
  for (const main of [many, long]) {
    const texts = { main: { ...known, files: main }, validation: { ...known, files } };
    assert.deepEqual(dropFilesIfMany(texts), { main: known, validation: known });
  }
  const few = { main: { ...known, files } };
  assert.equal(dropFilesIfMany(few), few);
});
