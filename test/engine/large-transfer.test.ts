/** Vectors that are larger than the buffer through which they are moved. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layoutOf } from '../../src/model/config.ts';
import { fastEngines } from './engines.ts';

const layout = layoutOf({ cell: 'lstm', layers: 2, hiddenSize: 300, vocabularySize: 65 });

for (const { name, make } of fastEngines) {
  test(`${name}: a vector of more than a million numbers is written and read, whole and in part`, async () => {
    const engine = await make();
    try {
      const vector = engine.vector(layout);
      const { size } = vector;
      assert.ok(size > 1.1 * 2 ** 20);
      const expected = Float32Array.from({ length: size }, (_, at) => at);
      engine.write(vector, expected);
      assert.deepEqual(await engine.read(vector), expected);
      // Across the boundary of a part, and not at a multiple of its size.
      const values = new Float32Array(size - 1000).fill(-1);
      engine.write(vector, values, 700);
      expected.set(values, 700);
      const range = { offset: 123, count: size - 200 };
      assert.deepEqual(await engine.read(vector, range), expected.subarray(123, size - 77));
    } finally {
      await engine.close();
    }
  });
}
