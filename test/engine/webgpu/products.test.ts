/** Products and sums that are cut into several dispatches, which must not change any bit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernel } from '../../../src/engine/webgpu/kernel.ts';
import { multiply, sumByToken } from '../../../src/engine/webgpu/products.ts';
import { openNodeDevice } from '../../../src/engine/webgpu/provider.node.ts';
import { Recorder } from '../../../src/engine/webgpu/recorder.ts';
import { EMBEDDING_GRADIENT } from '../../../src/engine/webgpu/shaders/token-sums.ts';
import { skipWithoutSoftwareGpu as skip } from './software.ts';

/** Small integers, whose sums are exact in float32 in any order. */
function integers(count: number, of: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => ((i * 7919) % of) - (of >> 1));
}

async function onDevice(run: (recorder: Recorder) => Promise<void>): Promise<void> {
  process.env.CHAR_RNN_GPU = 'software';
  const recorder = new Recorder(await openNodeDevice(0));
  await run(recorder);
  recorder.close();
}

test('a product in one dispatch for each tile, or each row of tiles, is the whole product', { skip }, () =>
  onDevice(async (recorder) => {
    const [m, n, k] = [130, 200, 17];
    const [a, b, c] = [m * k, k * n, m * n].map((length) => recorder.allocate(length * 4));
    if (!(a && b && c)) throw new Error('three buffers');
    const [left, right] = [integers(m * k, 11), integers(k * n, 13)];
    recorder.write(a, 0, left);
    recorder.write(b, 0, right);
    const expected = Float32Array.from({ length: m * n }, (_, at) => {
      const [row, column] = [Math.floor(at / n), at % n];
      let sum = 0;
      for (let i = 0; i < k; i++) sum += (left[row * k + i] as number) * (right[i * n + column] as number);
      return sum;
    });
    const operationsOfTile = 2 * 64 * 64 * k;
    for (const [tiles, dispatches] of [
      [1, 3 * 4],
      [3, 3 * 2],
      [4, 3],
      [8, 2],
      [1000, 1],
    ] as const) {
      recorder.clear(c, 0, m * n * 4);
      const before = recorder.counts.dispatches;
      const sizes = { m, n, k, rowA: k, rowB: n, rowC: n };
      multiply(recorder, {}, { a, b, c }, sizes, tiles * operationsOfTile);
      assert.equal(recorder.counts.dispatches - before, dispatches, `${tiles} tiles`);
      assert.deepEqual(new Float32Array(await recorder.read(c, 0, m * n * 4)), expected, `${tiles} tiles`);
    }
  }),
);

test('sums by token, in one dispatch or in several', { skip }, () =>
  onDevice(async (recorder) => {
    // More positions than a chunk has, more units than a workgroup; no position has token 4.
    const [positions, units, vocabularySize, table] = [300, 40, 7, 5];
    const values = integers(positions * units, 17);
    const tokens = Int32Array.from(
      { length: positions },
      (_, i) => [0, 6, 2, 3, 5, 1][(i * i) % 6] as number,
    );
    const expected = new Float32Array(table + vocabularySize * units);
    tokens.forEach((token, position) => {
      for (let unit = 0; unit < units; unit++) {
        const at = table + token * units + unit;
        expected[at] = (expected[at] as number) + (values[position * units + unit] as number);
      }
    });
    const [from, ids, into] = [values, tokens, expected].map(({ byteLength }) =>
      recorder.allocate(byteLength),
    );
    if (!(from && ids && into)) throw new Error('three buffers');
    recorder.write(from, 0, values);
    recorder.write(ids, 0, tokens);
    const sums = kernel('embedding gradient', () => EMBEDDING_GRADIENT);
    for (const [operations, dispatches] of [
      [1, 7],
      [3 * 2 * positions, 3],
      [1e9, 1],
    ] as const) {
      // Every element of the table is written, and nothing before it.
      recorder.write(into, 0, new Float32Array(expected.length).fill(9).fill(0, 0, table));
      const before = recorder.counts.dispatches;
      sumByToken(recorder, sums, [from, ids, into], { positions, units, vocabularySize, table }, operations);
      assert.equal(recorder.counts.dispatches - before, dispatches);
      const bytes: ArrayBuffer = await recorder.read(into, 0, expected.byteLength);
      assert.deepEqual(new Float32Array(bytes), expected, `${operations} operations`);
    }
  }),
);
