/** That a run's parameters are the same bits whatever computes them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { nodeWasmBackend } from '../../src/engine/cpu/wasm.node.ts';
import { hasFused } from '../../src/engine/cpu/wasm.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Cell } from '../../src/engine/layout.ts';
import { Network } from '../../src/model/network.ts';
import { initialParameters } from '../../src/model/parameters.ts';
import { Optimizer } from '../../src/train/optimizer.ts';
import { checkTrainingOptions } from '../../src/train/options.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

const B = 7;
const T = 11;
const V = 37;

/** The parameters after some iterations on random batches; rows and widths that do not divide. */
async function parametersAfter(
  engine: Engine,
  cell: Cell,
  optimizer: 'rmsprop' | 'adam',
  iterations: number,
) {
  const config = { cell, layers: 2, hiddenSize: 33, vocabularySize: V, dropout: 0.2 };
  const network = new Network(engine, config, { batchSize: B, sequenceLength: T });
  const random = new MersenneTwister(5);
  network.writeParameters(initialParameters(network.layout, random));
  const steps = new Optimizer(engine, network, checkTrainingOptions({ optimizer }));
  const state = network.makeState();
  const tokens = () => Int32Array.from({ length: T * B }, () => Math.floor(random.nextUniform() * V));
  for (let iteration = 1; iteration <= iterations; iteration++) {
    network.differentiate({ inputs: tokens(), targets: tokens() }, state, { seed: 1, iteration });
    await steps.update(network, 0.01);
  }
  const parameters = (await network.readParameters()) as Float32Array;
  await engine.close();
  return Buffer.from(parameters.buffer).toString('hex');
}

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
    async () => new CpuEngine(await nodeWasmBackend(threads)),
  ]),
];

for (const [cell, optimizer] of [
  ['lstm', 'rmsprop'],
  ['gru', 'adam'],
  ['rnn', 'rmsprop'],
] as const) {
  test(`${cell}, ${optimizer}: 200 iterations give the same bits on every engine with fused multiply-add, with any number of threads`, async (context) => {
    let expected: string | undefined;
    for (const [name, make] of engines) {
      const engine = await make();
      if (name.startsWith('WebAssembly') && !hasFused()) {
        context.diagnostic(`${name}: has no fused multiply-add here, and its own bits`);
        await engine.close();
        continue;
      }
      const bits = await parametersAfter(engine, cell, optimizer, 200);
      expected ??= bits;
      assert.ok(bits === expected, name);
    }
    assert.ok(expected, 'no engine');
  });
}
