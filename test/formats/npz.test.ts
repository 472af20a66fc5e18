/** Models as NumPy arrays. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CheckpointError } from '../../src/errors.ts';
import { decodeNpy, encodeNpy } from '../../src/formats/npz/npy.ts';
import { encodeNpz } from '../../src/formats/npz/npz.ts';
import { decodeZip, encodeZip } from '../../src/formats/npz/zip.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { crc32 } from '../../src/util/crc.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { python } from './python.ts';

const text = (words: string) => new TextEncoder().encode(words);

test('the check value of CRC-32', () => {
  assert.equal(crc32(text('123456789')), 0xcbf43926);
  assert.equal(crc32(text('1234'), text('56789')), 0xcbf43926, 'in parts');
});

for (const precision of ['float32', 'float64'] as const) {
  test(`${precision}: what is read is what was written`, () => {
    const checkpoint = madeCheckpoint({ cell: 'gru', reset: 'after', embeddingSize: 4, precision });
    const read = openCheckpoint(joined(encodeNpz(checkpoint)), 'x.npz');
    assert.deepEqual({ ...read, vocabulary: undefined }, { ...checkpoint, vocabulary: undefined });
    assert.ok(read.vocabulary.equals(checkpoint.vocabulary));
  });
}

test('the same model gives the same bytes', () => {
  assert.deepEqual(joined(encodeNpz(madeCheckpoint())), joined(encodeNpz(madeCheckpoint())));
});

const READ = `
import json, sys, numpy
z = numpy.load(sys.argv[1])
print(json.dumps({
  'shape': list(z['rnn.weight_ih_l0'].shape),
  'sum': float(z['rnn.weight_ih_l0'].astype('f8').sum()),
  'type': str(z['rnn.weight_ih_l0'].dtype),
  'scalar': str(z['vocabulary.offsets'].dtype),
  'cell': json.loads(z['metadata.char_rnn'].tobytes().decode())['config']['cell'],
  'intact': __import__('zipfile').ZipFile(sys.argv[1]).testzip() is None,
}))
numpy.savez(sys.argv[2], **z)
`;

test('NumPy reads it, and we read what NumPy saves', (context) => {
  const interpreter = python(context, 'numpy');
  if (!interpreter) return;
  const folder = temporaryFolder(context);
  const checkpoint = madeCheckpoint();
  const [path, again] = [join(folder, 'model.npz'), join(folder, 'again.npz')];
  writeFileSync(path, joined(encodeNpz(checkpoint)));
  const { stdout, stderr, status } = spawnSync(interpreter, ['-c', READ, path, again], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const seen = JSON.parse(stdout);
  const sum = Array.from(checkpoint.parameters.subarray(0, 72)).reduce((total, value) => total + value, 0);
  assert.ok(Math.abs(seen.sum - sum) < 1e-5);
  assert.deepEqual(
    { ...seen, sum: 0 },
    { shape: [12, 6], sum: 0, type: 'float32', scalar: 'int64', cell: 'lstm', intact: true },
  );
  const read = openCheckpoint(new Uint8Array(readFileSync(again)), 'again.npz');
  assert.deepEqual(read.parameters, checkpoint.parameters);
});

function codeOf(bytes: Uint8Array): string {
  try {
    openCheckpoint(bytes, 'evil.npz');
    return 'read';
  } catch (error) {
    assert.ok(error instanceof CheckpointError, `${error instanceof Error ? error.stack : error}`);
    return error.code;
  }
}

const whole = joined(encodeNpz(madeCheckpoint()));

/** The file with the last occurrence of some bytes replaced. */
function patched(find: readonly number[], offset: number, value: readonly number[]): Uint8Array {
  const copy = Buffer.from(whole);
  Buffer.from(value).copy(copy, copy.lastIndexOf(Buffer.from(find)) + offset);
  return new Uint8Array(copy);
}

/** Two thousand entries with the same megabyte. Each would need a checksum. */
function overlapping(): Uint8Array {
  const [
    local = new Uint8Array(),
    data = new Uint8Array(),
    directory = new Uint8Array(),
    end = new Uint8Array(),
  ] = encodeZip(new Map([['0000.npy', [new Uint8Array(1_000_000)]]]));
  const entries = Array.from({ length: 2000 }, (_, index) => {
    const entry = directory.slice();
    entry.set(text(String(index).padStart(4, '0')), 46);
    return entry;
  });
  const last = end.slice();
  const view = new DataView(last.buffer);
  view.setUint16(10, entries.length, true);
  view.setUint32(12, entries.length * directory.length, true);
  return joined([local, data, ...entries, last]);
}

/** The parts of an archive with the 64-bit extension's records before its end: 56 bytes of sizes, and 20 with their offset. */
function withWideEnd(parts: readonly Uint8Array[]): Uint8Array {
  const [record, locator] = [new Uint8Array(56), new Uint8Array(20)];
  record.set([0x50, 0x4b, 6, 6, 44]);
  locator.set([0x50, 0x4b, 6, 7]);
  return joined([...parts.slice(0, -1), record, locator, ...parts.slice(-1)]);
}

test("recognises PyTorch's .pt, which always has the 64-bit records", () => {
  const pickle = withWideEnd(encodeZip(new Map([['archive/data.pkl', [text('x')]]])));
  assert.throws(() => openCheckpoint(pickle, 'model.pt'), {
    code: 'checkpoint-other-kind',
    message: /that PyTorch wrote \(\.pt\): save the model's state_dict with safetensors/,
  });
  const own = openCheckpoint(withWideEnd(encodeNpz(madeCheckpoint())), 'model.npz');
  assert.deepEqual(own.parameters, madeCheckpoint().parameters);
});

/** An archive with zeros in place of these records. */
function unended(): Uint8Array {
  const parts = encodeNpz(madeCheckpoint());
  return joined([...parts.slice(0, -1), new Uint8Array(76), ...parts.slice(-1)]);
}

test('names an unsupported number type as NumPy does', () => {
  const name = 'decoder.bias.npy';
  const entries = decodeZip(whole, 'x.npz');
  const messageOf = (array: Uint8Array) => {
    const parts = [...entries].map(([key, bytes]): [string, Uint8Array[]] => [
      key,
      [key === name ? array : bytes],
    ]);
    try {
      openCheckpoint(joined(encodeZip(new Map(parts))), 'x.npz');
    } catch (error) {
      assert.ok(error instanceof CheckpointError);
      return error.message;
    }
    return '';
  };
  const written = entries.get(name) as Uint8Array;
  const { length } = decodeNpy(written, name).values;
  assert.equal(messageOf(written), '');
  const whole32 = joined(encodeNpy({ shape: [length], values: new Int32Array(length) }));
  assert.match(messageOf(whole32), /tensor decoder\.bias is int32, expected float32/);
  const turned = Buffer.from(Buffer.from(written).toString('latin1').replace('<f4', '>f4'), 'latin1');
  assert.match(
    messageOf(turned),
    /decoder\.bias\.npy has the type >f4, expected .*little endian, in row-major order/,
  );
});

const DIRECTORY = [0x50, 0x4b, 1, 2];
const END = [0x50, 0x4b, 5, 6];
const evil: [string, Uint8Array, string][] = [
  ['cut', whole.slice(0, -1), 'checkpoint-truncated'],
  ['compressed', patched(DIRECTORY, 10, [8, 0]), 'checkpoint-other-kind'],
  ['encrypted', patched(DIRECTORY, 8, [1, 0]), 'checkpoint-other-kind'],
  ['a wrong checksum', patched(DIRECTORY, 16, [1, 2, 3, 4]), 'checkpoint-malformed'],
  ['a size beyond the file', patched(DIRECTORY, 20, Array(8).fill(0xff)), 'checkpoint-malformed'],
  ['an entry beyond the file', patched(DIRECTORY, 42, [0xff, 0xff, 0xff, 0xff]), 'checkpoint-malformed'],
  ['entries that overlap', overlapping(), 'checkpoint-malformed'],
  ['more entries than there are', patched(END, 8, [0xff, 0xff, 0xff, 0xff]), 'checkpoint-malformed'],
  [
    "NumPy arrays of another program's",
    joined(encodeZip(new Map([['a.npy', encodeNpy({ shape: [1], values: Uint8Array.of(1) })]]))),
    'checkpoint-other-kind',
  ],
  ['zeros in place of the 64-bit records', unended(), 'checkpoint-malformed'],
];
for (const [what, bytes, code] of evil)
  test(`hostile file: ${what}`, () => assert.equal(codeOf(bytes), code));
