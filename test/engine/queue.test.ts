/** The queues of commands over a long time, and when an engine is closed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { makeNodeWorker } from '../../src/engine/cpu/wasm.node.ts';
import { wasmBackend } from '../../src/engine/cpu/wasm.ts';
import { parametersAfter } from './parameters-after.ts';

async function wasmParameters(firstCommand: number): Promise<string> {
  const { backend } = await wasmBackend({ makeWorker: makeNodeWorker, threads: 3, firstCommand });
  assert.equal(backend.threads, 3);
  return parametersAfter(new CpuEngine(backend), 'lstm', 'rmsprop', 60, { batchSize: 40 });
}

// Of 32 bits: as signed integers, they go on with -2³¹; as unsigned ones, with 0.
for (const [name, limit] of [
  ['2³¹', 2 ** 31],
  ['2³²', 2 ** 32],
] as const)
  test(`WebAssembly computes the same bits when its count of commands passes ${name}`, async () => {
    assert.equal(await wasmParameters(limit - 30), await wasmParameters(0));
  });

test('native: an engine that is closed while it computes frees the buffers that were released', {
  skip: nativeVariants().length === 0 && 'no native engine here',
}, async () => {
  const megabytes = 64;
  const before = process.memoryUsage.rss();
  for (let k = 0; k < 10; k++) {
    const backend = nativeBackend({ threads: 1 });
    const engine = new CpuEngine(backend);
    const target = engine.tensor('float', [megabytes * 2 ** 18]);
    const released = engine.tensor('float', [megabytes * 2 ** 18]);
    // Takes longer than the calls below.
    for (let call = 0; call < 4; call++) engine.fill(target, call);
    engine.release(released);
    await backend.close();
  }
  const grown = (process.memoryUsage.rss() - before) / 2 ** 20;
  assert.ok(grown < 4 * megabytes, `${grown.toFixed()} MB`);
});
