/** A training has the same bits on every engine with fused multiply-add. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELL_NAMES } from '../../src/engine/cells.ts';
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { nodeWasmBackend } from '../../src/engine/cpu/wasm.node.ts';
import { hasFused } from '../../src/engine/cpu/wasm.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { UPDATE_RULE_KINDS } from '../../src/engine/update-rules.ts';
import { parametersAfter, TRAININGS } from './parameters-after.ts';

const variants = nativeVariants();
const engines: [string, () => Promise<Engine>][] = [
  ...variants.flatMap((variant) =>
    [1, 2, 3].map((threads): [string, () => Promise<Engine>] => [
      `native, ${variant}, ${threads} threads`,
      async () => new CpuEngine(nativeBackend({ variant, threads })),
    ]),
  ),
  ...[1, 2, 3].map((threads): [string, () => Promise<Engine>] => [
    `WebAssembly, ${threads} threads`,
    async () => new CpuEngine((await nodeWasmBackend(threads)).backend),
  ]),
];

test('every cell and every optimizer is compared', () => {
  assert.deepEqual(new Set(TRAININGS.map(([cell]) => cell)), new Set(CELL_NAMES));
  assert.deepEqual(new Set(TRAININGS.map(([, optimizer]) => optimizer)), new Set(UPDATE_RULE_KINDS));
});

for (const [cell, optimizer] of TRAININGS) {
  test(`${cell}, ${optimizer}: 60 iterations have the same bits on every engine with fused multiply-add and with any number of threads`, async (context) => {
    let expected: string | undefined;
    for (const [name, make] of engines) {
      const engine = await make();
      if (name.startsWith('WebAssembly') && !hasFused()) {
        context.diagnostic(`${name}: not compared, because it has no fused multiply-add here`);
        await engine.close();
        continue;
      }
      const bits = await parametersAfter(engine, cell, optimizer, 60);
      expected ??= bits;
      assert.ok(bits === expected, name);
    }
    assert.ok(expected, 'no engine');
  });
}
