import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutations } from './mutations.ts';

const file = new TextEncoder().encode(
  '\x22\0\0\0\0\0\0\0{"shape":[16,4],"offsets":[0,256]}'.padEnd(300, '\x01'),
);

test('the same seed gives the same mutations, another seed gives others', () => {
  const all = (seed: number) => [...mutations(file, 300, { seed })];
  assert.deepEqual(all(1), all(1));
  assert.notDeepEqual(all(1), all(2));
});

test('the original is not changed, and nearly every mutation differs from it', () => {
  const before = file.slice();
  const all = [...mutations(file, 600)];
  assert.deepEqual(file, before);
  const same = all.filter(({ bytes }) => Buffer.compare(bytes, file) === 0);
  assert.ok(same.length < 60, `${same.length} did nothing: ${same.map(({ what }) => what)}`);
});

test('files of zero bytes and of one byte can be damaged', () => {
  for (const tiny of [new Uint8Array(), Uint8Array.of(7)]) {
    assert.equal([...mutations(tiny, 100)].length, 100);
  }
});

test('text put into JSON is added to the length before it', () => {
  const inserted = [...mutations(file, 200)].find(({ what }) => what.includes('nested'));
  assert.ok(inserted);
  const length = Number(new DataView(inserted.bytes.buffer).getBigUint64(0, true));
  assert.equal(inserted.bytes.length - length, file.length - 0x22);
});
