/** The uniform blocks of dispatches. The device only counts what it is told to write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NumberBlocks } from '../../../src/engine/webgpu/number-blocks.ts';

function makeBlocks() {
  const memory = new Map<number, number[]>();
  const counts = { writes: 0, submits: 0 };
  const device = {
    limits: { minUniformBufferOffsetAlignment: 256 },
    createBuffer: ({ size }: { size: number }) => ({ size }),
    queue: {
      writeBuffer(_: unknown, offset: number, values: Uint32Array) {
        counts.writes++;
        memory.set(offset, [...values]);
      },
    },
  };
  const blocks = new NumberBlocks(device as unknown as GPUDevice, () => {
    counts.submits++;
  });
  return { blocks, memory, counts };
}

test('numbers get a block of their own, which is written once', () => {
  const { blocks, memory, counts } = makeBlocks();
  // Lists that differ in their order, their length or their bits alone, and one that is a prefix of another.
  const lists = [[], [0], [0, 0], [1, 2], [2, 1], [1, 2, 0], [0x3f800000], [0xbf800000], [-1, 5]];
  const offsets = lists.map((numbers) => blocks.offsetOf(numbers));
  assert.equal(new Set(offsets).size, lists.length);
  lists.forEach((numbers, i) => {
    assert.deepEqual(
      memory.get(offsets[i] as number),
      numbers.map((value) => value >>> 0),
    );
  });
  assert.deepEqual(
    lists.map((numbers) => blocks.offsetOf(numbers)),
    offsets,
  );
  assert.deepEqual(counts, { writes: lists.length, submits: 0 });
});

test('when all blocks are used, they are submitted and used again', () => {
  const { blocks, memory, counts } = makeBlocks();
  const size = blocks.buffer.size / 256;
  for (let i = 0; i < 3 * size + 10; i++) {
    const numbers = [7, i, i * i];
    const offset = blocks.offsetOf(numbers);
    assert.ok(offset >= 0 && offset < blocks.buffer.size);
    assert.deepEqual(
      memory.get(offset),
      numbers.map((value) => value >>> 0),
    );
    assert.equal(counts.submits, Math.floor(i / size));
  }
});
