/** After a call that ran out of memory, an engine goes on to work as before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '../../src/engine/cpu/backend.ts';
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { nodeWasmBackend } from '../../src/engine/cpu/wasm.node.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { MemoryError } from '../../src/errors.ts';
import { layoutOf } from '../../src/model/config.ts';
import { makeStates } from '../../src/model/states.ts';

const layout = layoutOf({ cell: 'lstm', layers: 1, hiddenSize: 16, vocabularySize: 10 });
const CAPACITY = 2000;

const backends: Readonly<Record<string, () => Promise<Backend>>> = {
  ...(nativeVariants().length > 0 && { native: async () => nativeBackend({ threads: 1 }) }),
  wasm: async () => (await nodeWasmBackend(1)).backend,
};

/** An engine on a backend whose nth allocation from now on fails, once. */
async function failingEngine(make: () => Promise<Backend>) {
  let left = 0;
  const backend = new Proxy(await make(), {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'allocate') return value.bind(target);
      return (bytes: number) => {
        if (--left === 0) throw new MemoryError('no memory is left');
        return value.call(target, bytes);
      };
    },
  });
  const failAt = (nth: number) => {
    left = nth;
  };
  return { engine: new CpuEngine(backend), failAt };
}

/** Some calls, and the predictions after each. */
function calls(engine: Engine): (() => Promise<unknown>)[] {
  const weights = engine.vector(layout);
  engine.fill(weights, 0.1);
  const states = makeStates(engine, layout, CAPACITY);
  const output = engine.tensor('float', [CAPACITY, 10]);
  const common = { weights, states, output };
  const slots = (count: number) => Int32Array.from({ length: count }, (_, slot) => slot);
  const step = (N: number) => async () => {
    engine.step({ ...common, slots: slots(N), tokens: new Int32Array(N).fill(3) });
    return engine.read(output, { offset: 0, count: 10 * N });
  };
  const prompt = async () => {
    engine.readTokens({ ...common, slots: slots(3), tokens: new Int32Array(300).fill(2) });
    return engine.read(output, { offset: 0, count: 30 });
  };
  return [step(1), step(CAPACITY), prompt, step(2), prompt, step(CAPACITY)];
}

for (const [name, make] of Object.entries(backends)) {
  test(`${name}: a failed allocation spoils only its own call`, async () => {
    let failures = 0;
    for (let nth = 1; nth <= 12; nth++) {
      const whole = await failingEngine(make);
      const { engine, failAt } = await failingEngine(make);
      const [expected, all] = [calls(whole.engine), calls(engine)];
      failAt(nth);
      for (const [index, call] of all.entries()) {
        const right = await expected[index]?.();
        const got = await call().catch((error: unknown) => {
          assert.ok(error instanceof MemoryError, String(error));
          failures++;
          return call();
        });
        // A call that fails has not changed the states.
        assert.deepEqual(got, right, `allocation ${nth}, call ${index}`);
      }
      await Promise.all([engine.close(), whole.engine.close()]);
    }
    assert.ok(failures >= 3, `${failures} allocations failed`);
  });
}
