/** Int8: how rows are quantized; and predictions have the same bits on every engine with fused multiply-add. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELL_KINDS, stateParts } from '../../src/engine/cells.ts';
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { nodeWasmBackend } from '../../src/engine/cpu/wasm.node.ts';
import { hasFused } from '../../src/engine/cpu/wasm.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { dequantized, hiddenLevel, quantizeRows } from '../../src/engine/int8.ts';
import type { Layout } from '../../src/engine/layout.ts';
import { RandomValues } from './random-values.ts';

test('the largest weight of a row has the level ±127; a row of zeros, or of tiny numbers, has zeros', () => {
  const values = Float32Array.of(0.1, -0.4, 0.2, 0, 0, 0, 1e-40, 2e-40, -3e-40, 1e30, 5e29, 0);
  const { levels, scales } = quantizeRows(values, 4, 3);
  assert.deepEqual([...levels], [32, -127, 63, 0, 0, 0, 0, 0, 0, 127, 63, 0]);
  assert.equal(scales[1], 1);
  assert.equal(scales[2], 1);
});

test('level · scale is exact, and quantizing it again gives the same levels and scales', () => {
  let state = 1;
  const next = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const values = Float32Array.from({ length: 4000 * 5 }, () => (next() - 0.5) * 10 ** (next() * 20 - 10));
  const first = quantizeRows(values, 4000, 5);
  const exact = Array.from(first.levels, (level, at) => level * (first.scales[Math.floor(at / 5)] as number));
  const rounded = dequantized(first);
  assert.deepEqual(Array.from(rounded), exact);
  assert.deepEqual(quantizeRows(rounded, 4000, 5), first);
});

test('a hidden state has 127 levels, and a number beyond ±1 counts as ±1', () => {
  assert.deepEqual([0, 1, -1, 0.5, -0.5, 1 / 126, 3 / 126, 7, -7].map(hiddenLevel), [
    ...[0, 63, -63, 32, -32],
    ...[0, 2, 63, -63],
  ]);
});

const fused = [
  ...nativeVariants().flatMap((variant) =>
    [
      { threads: 1, plainInt8: false },
      { threads: 3, plainInt8: false },
      { threads: 2, plainInt8: true },
    ].map((settings) => ({
      name: `native, ${variant}, ${JSON.stringify(settings)}`,
      make: async () => new CpuEngine(nativeBackend({ variant, ...settings })),
    })),
  ),
  ...[1, 2].map((threads) => ({
    name: `WebAssembly, ${threads} threads`,
    make: async () => new CpuEngine((await nodeWasmBackend(threads)).backend),
  })),
];

for (const embeds of [false, true]) {
  test(`predictions of networks ${embeds ? 'with' : 'without'} an embedding have the same bits on every engine with fused multiply-add`, async (context) => {
    const all: [string, string[]][] = [];
    for (const { name, make } of fused) {
      const engine = await make();
      if (name.startsWith('WebAssembly') && !hasFused()) {
        context.diagnostic(`${name}: not compared, because it has no fused multiply-add here`);
        await engine.close();
      } else all.push([name, await predictions(engine, embeds)]);
    }
    const [first] = all;
    assert.ok(first, 'no engine');
    for (const [name, bits] of all) assert.deepEqual(bits, first[1], name);
  });
}

/** The bits of predictions by one sequence and by many, for each cell. Closes the engine. */
async function predictions(engine: Engine, embeds: boolean): Promise<string[]> {
  const [H, V, D, steps] = [200, 37, 50, 9];
  const found: string[] = [];
  for (const kind of CELL_KINDS) {
    const layer = { kind: 'recurrent', ...kind, hiddenSize: H } as const;
    const layout: Layout = [
      ...(embeds
        ? ([
            { kind: 'embedding', name: 'embedding', vocabularySize: V, outputSize: D },
            { ...layer, name: 'layer 1', input: 'dense', inputSize: D },
          ] as const)
        : ([{ ...layer, name: 'layer 1', input: 'tokens', inputSize: V }] as const)),
      { ...layer, name: 'layer 2', input: 'dense', inputSize: H },
      { kind: 'linear', name: 'decoder', inputSize: H, outputSize: V },
    ];
    const random = new RandomValues(engine, 4);
    const weights = engine.vector(layout, 'int8');
    engine.write(weights, random.numbers(weights.size, 0.2));
    for (const N of [1, 17]) {
      const tokens = Int32Array.from({ length: steps * N }, () => random.integer(V));
      const states = [0, 1].map(() => engine.tensor('float', [stateParts(kind.cell), N, H]));
      const output = engine.tensor('float', [N, V]);
      const slots = Int32Array.from({ length: N }, (_, n) => n);
      engine.readTokens({ weights, states, slots, tokens, output });
      const values = (await engine.read(output)) as Float32Array;
      found.push(Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64'));
    }
  }
  await engine.close();
  return found;
}
