/** A training has the same bits on every engine with fused multiply-add. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CELL_KINDS, CELL_NAMES, type CellKind } from '../../src/engine/cells.ts';
import type { Backend } from '../../src/engine/cpu/backend.ts';
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { nodeWasmBackend } from '../../src/engine/cpu/wasm.node.ts';
import { hasFused } from '../../src/engine/cpu/wasm.ts';
import type { Engine, FloatArray, HeldUnit } from '../../src/engine/engine.ts';
import type { Layout } from '../../src/engine/layout.ts';
import { UPDATE_RULE_KINDS } from '../../src/engine/update-rules.ts';
import { Network } from '../../src/model/network.ts';
import { parametersAfter, TRAININGS } from './parameters-after.ts';
import { RandomValues } from './random-values.ts';

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
    for await (const [name, engine] of comparable(context)) {
      const bits = await parametersAfter(engine, cell, optimizer, 60);
      expected ??= bits;
      assert.ok(bits === expected, name);
    }
    assert.ok(expected, 'no engine');
  });
}

// Threads share the rows of a layer if there are more of them than groups of eight rows, and then divide its units: 200 make 13 panels.
const SHAPES = [
  { compute: 'float32' },
  { compute: 'bfloat16' },
  { compute: 'bfloat16-amx' },
  { compute: 'float32', embeddingSize: 40, resets: true },
] as const;

for (const [cell, optimizer] of TRAININGS)
  for (const reset of cell === 'gru' ? (['before', 'after'] as const) : [undefined])
    for (const shape of SHAPES) {
      const name = [cell, optimizer, ...(reset ? [`reset ${reset}`] : []), JSON.stringify(shape)].join(', ');
      test(`${name}: threads that divide the units of a layer give the bits of one thread`, async (context) => {
        const [variant] = variants;
        if (!variant) return context.skip('no native engine');
        const more = { ...shape, hiddenSize: 200, ...(reset && { reset }) };
        // 16 and 64 are more threads than rows, and the gradients of the weights are divided into smaller tasks.
        const made: Backend[] = [1, 2, 5, 16, 64].map((threads) => nativeBackend({ variant, threads }));
        // WebAssembly has no bfloat16.
        if (hasFused() && shape.compute === 'float32') made.push((await nodeWasmBackend(3)).backend);
        let expected: string | undefined;
        for (const backend of made) {
          const bits = await parametersAfter(new CpuEngine(backend), cell, optimizer, 3, more);
          expected ??= bits;
          assert.ok(bits === expected, `${backend.name}, ${backend.threads} threads`);
        }
      });
    }

for (const kind of CELL_KINDS)
  test(`${kind.cell}, reset ${kind.reset}: losses in int8 have the same bits if threads divide the units of a layer`, async (context) => {
    const [variant] = variants;
    if (!variant) return context.skip('no native engine');
    const made: Backend[] = [1, 2, 16].map((threads) => nativeBackend({ variant, threads }));
    if (hasFused()) made.push((await nodeWasmBackend(3)).backend);
    let expected: FloatArray | undefined;
    for (const backend of made) {
      const losses = await int8Losses(new CpuEngine(backend), kind);
      expected ??= losses;
      assert.deepEqual(losses, expected, `${backend.name}, ${backend.threads} threads`);
    }
  });

test('held units give the same bits on every engine with fused multiply-add and with any number of threads', async (context) => {
  let expected: FloatArray | undefined;
  for await (const [name, engine] of comparable(context)) {
    const predictions = await predictionsWithHeldUnits(engine);
    expected ??= predictions;
    assert.deepEqual(predictions, expected, name);
  }
  assert.ok(expected, 'no engine');
});

/** The engines whose bits must be equal here. */
async function* comparable(context: TestContext): AsyncGenerator<readonly [string, Engine], void, void> {
  for (const [name, make] of engines) {
    const engine = await make();
    if (name.startsWith('WebAssembly') && !hasFused()) {
      context.diagnostic(`${name}: not compared, because it has no fused multiply-add here`);
      await engine.close();
    } else yield [name, engine];
  }
}

/** Log-probabilities of a network with an lstm, a gru and an rnn after some steps, with units of each held. Closes the engine. */
async function predictionsWithHeldUnits(engine: Engine): Promise<FloatArray> {
  const [H, V, N, steps] = [200, 37, 7, 12];
  const layer = { kind: 'recurrent', hiddenSize: H } as const;
  const layout: Layout = [
    { ...layer, name: 'layer 1', cell: 'lstm', input: 'tokens', inputSize: V },
    { ...layer, name: 'layer 2', cell: 'gru', reset: 'before', input: 'dense', inputSize: H },
    { ...layer, name: 'layer 3', cell: 'rnn', input: 'dense', inputSize: H },
    { kind: 'linear', name: 'decoder', inputSize: H, outputSize: V },
  ];
  const hold: HeldUnit[] = [
    { layer: 0, part: 'c', unit: 17, value: 1.7 },
    { layer: 0, part: 'h', unit: 199, value: -0.3 },
    { layer: 1, part: 'h', unit: 64, value: 0.9 },
    { layer: 2, part: 'h', unit: 0, value: 0.1 },
  ];
  const random = new RandomValues(engine, 4);
  const weights = random.vector(layout, 0.2);
  const tokens = Int32Array.from({ length: steps * N }, () => random.integer(V));
  const states = [2, 1, 1].map((parts) => engine.tensor('float', [parts, N, H]));
  const output = engine.tensor('float', [N, V]);
  engine.readTokens({
    weights,
    states,
    slots: Int32Array.from({ length: N }, (_, n) => n),
    tokens,
    output,
    hold,
  });
  const predictions = (await engine.read(output)) as FloatArray;
  await engine.close();
  return predictions;
}

/** The losses of a network in int8 on random tokens. Closes the engine. */
async function int8Losses(engine: Engine, kind: CellKind): Promise<FloatArray> {
  const [B, T, V] = [5, 9, 37];
  const config = { ...kind, layers: 2, hiddenSize: 300, vocabularySize: V };
  const network = new Network(engine, config, { batchSize: B, sequenceLength: T }, 'evaluation');
  const random = new RandomValues(engine, 4);
  const weights = engine.vector(network.layout, 'int8');
  engine.write(weights, random.numbers(weights.size, 0.2));
  const tokens = () => Int32Array.from({ length: T * B }, () => random.integer(V));
  network.evaluate(weights, { inputs: tokens(), targets: tokens() }, network.makeState());
  const losses = (await engine.read(network.loss)) as FloatArray;
  await engine.close();
  return losses;
}
