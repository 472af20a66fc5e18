/** Products in bfloat16: with the processor's instruction and without it, they have the same bits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CELL_NAMES, type Cell } from '../../src/engine/cells.ts';
import { OPERATIONS } from '../../src/engine/cpu/calls.ts';
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { nativeBackend, nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { nodeWasmBackend } from '../../src/engine/cpu/wasm.node.ts';
import type { Compute, Engine, FloatArray } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { Network } from '../../src/model/network.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { drawFactors, H, LAYOUT, PADDED, products, R, RANGES, V } from './bfloat16-products.ts';
import { bitsOf, blockProduct, pairProduct, toBfloat16 } from './exact-product.ts';
import { parametersAfter, TRAININGS } from './parameters-after.ts';

const variants = nativeVariants();
const skip = variants.length > 0 ? false : 'there is no native engine';

const engine = (variant: string | undefined, threads = 1) =>
  new CpuEngine(nativeBackend({ variant, threads }));

test('the twin: rounding, denormals, a tie, a result that is tiny before rounding only', () => {
  assert.equal(toBfloat16(1 + 2 ** -8), 1);
  assert.equal(toBfloat16(1 + 3 * 2 ** -8), 1 + 2 ** -6);
  assert.ok(Object.is(toBfloat16(-(2 ** -130)), -0));
  assert.equal(pairProduct(2 ** -130, [0, 0], [0, 0]), 0);
  const [a, b] = [2 ** -63, 2 ** -63];
  assert.equal(pairProduct(0, [a, 0], [b, 0]), 2 ** -126);
  assert.equal(pairProduct(2 ** -126, [-(2 ** -75), 0], [2 ** -76, 0]), 2 ** -126);
  assert.equal(pairProduct(2 ** -126, [-(2 ** -75), 0], [2 ** -75, 0]), 0);
});

const RULES = { bfloat16: pairProduct, 'bfloat16-amx': blockProduct } as const;
const COMPUTES = Object.keys(RULES) as (keyof typeof RULES)[];
const cases = COMPUTES.flatMap((compute) => Object.keys(RANGES).map((name) => ({ compute, name })));

for (const { compute, name } of cases) {
  test(`${compute}, ${name} numbers: every instruction set gives the bits of exact arithmetic, rounded by the rule`, {
    skip,
  }, async () => {
    const { matrix, bias, input } = drawFactors(name);
    const row = (from: Float32Array, index: number) => [
      ...from.subarray(index * H, (index + 1) * H),
      ...new Array<number>(PADDED - H).fill(0),
    ];
    const expected = Float32Array.from({ length: R * V }, (_, i) =>
      RULES[compute](bias[i % V] as number, row(input, Math.floor(i / V)), row(matrix, i % V)),
    );
    assert.ok(new Set(expected).size > 5, 'different results');
    for (const variant of variants) {
      const output = await products(engine(variant), name, compute);
      for (const [i, value] of expected.entries())
        assert.equal(hexadecimal(output[i]), hexadecimal(value), `${variant}, ${i}`);
    }
  });
}

const hexadecimal = (value: number | undefined) =>
  Number.isNaN(value) ? 'NaN' : bitsOf(value as number).toString(16);

const FORMS = [{}, { reset: 'before' }, { reset: 'after' }, { embeddingSize: 5 }] as const;

const trainings = COMPUTES.flatMap((compute) =>
  TRAININGS.flatMap(([cell, optimizer]) => FORMS.map((form) => ({ compute, cell, optimizer, form }))),
).filter(({ cell, form }) => !('reset' in form) || cell === 'gru');

for (const { compute, cell, optimizer, form } of trainings) {
  test(`${compute}, ${cell}, ${optimizer}, ${JSON.stringify(form)}: 10 iterations have the same bits with every instruction set and any number of threads`, {
    skip,
  }, async () => {
    let expected: string | undefined;
    for (const variant of variants)
      for (const threads of [1, 2, 5]) {
        const more = { ...form, compute } as const;
        const bits = await parametersAfter(engine(variant, threads), cell, optimizer, 10, more);
        expected ??= bits;
        assert.ok(bits === expected, `${variant}, ${threads} threads`);
      }
    const plain = await parametersAfter(engine(undefined), cell, optimizer, 10, form);
    assert.ok(plain !== expected, 'bfloat16 makes a difference');
  });
}

// AMX has tiles of up to 16 rows, and computes up to 32 rows at a time; a block has 16 pairs, or 32 steps. These shapes are around them.
for (const [batchSize, sequenceLength, hiddenSize] of [
  [1, 1, 1],
  [1, 3, 47],
  [2, 5, 16],
  [16, 2, 64],
  [17, 3, 17],
  [32, 1, 31],
  [33, 2, 48],
  [50, 3, 96],
  [65, 1, 40],
] as const) {
  for (const cell of CELL_NAMES) {
    const name = `${cell} with ${hiddenSize} units, ${batchSize} rows of ${sequenceLength} steps`;
    test(`bfloat16-amx, ${name}: 3 iterations have the same bits with every instruction set and any number of threads`, {
      skip,
    }, async () => {
      const more = { batchSize, sequenceLength, hiddenSize, compute: 'bfloat16-amx' } as const;
      let expected: string | undefined;
      for (const variant of variants)
        for (const threads of [1, 2, 5]) {
          const bits = await parametersAfter(engine(variant, threads), cell, 'adam', 3, more);
          expected ??= bits;
          assert.ok(bits === expected, `${variant}, ${threads} threads`);
        }
    });
  }
}

// Small calls run on one thread. These are large enough for all five, which share the rows of a recurrent layer and divide its 13 panels.
for (const { compute, cell } of COMPUTES.flatMap((compute) =>
  CELL_NAMES.map((cell) => ({ compute, cell })),
)) {
  test(`${compute}, ${cell}: threads that share rows give the bits of one thread, with every instruction set`, {
    skip,
  }, async () => {
    const more = { batchSize: 7, sequenceLength: 30, hiddenSize: 200, compute } as const;
    const expected = await parametersAfter(engine(undefined), cell, 'adam', 1, more);
    for (const variant of variants) {
      const backend = nativeBackend({ variant, threads: 5 });
      const divided = new Set<string | undefined>();
      const submit = backend.submit.bind(backend);
      backend.submit = (command, small) => {
        if (!small) divided.add(OPERATIONS[command[0] as number]);
        submit(command, small);
      };
      const bits = await parametersAfter(new CpuEngine(backend), cell, 'adam', 1, more);
      assert.ok(bits === expected, variant);
      for (const pass of ['recurrentForward', 'recurrentBackward', 'linearForward', 'linearBackward'])
        assert.ok(divided.has(pass), `${pass} runs on all threads`);
    }
  });
}

/** The loss and the gradient of a network over one batch. */
async function lossAndGradient(own: Engine, cell: Cell, compute: Compute) {
  const config = { cell, layers: 2, hiddenSize: 40, vocabularySize: 19 };
  const shape = { batchSize: 9, sequenceLength: 21 };
  const network = new Network(own, config, shape, 'training', compute);
  const [weights, gradient] = [own.vector(network.layout), own.vector(network.layout)];
  const random = new MersenneTwister(3);
  own.write(
    weights,
    Float32Array.from({ length: weights.size }, () => (random.nextUniform() - 0.5) / 3),
  );
  const tokens = () => Int32Array.from({ length: 9 * 21 }, () => Math.floor(random.nextUniform() * 19));
  network.lossAndGradient(weights, gradient, { inputs: tokens(), targets: tokens() }, network.makeState());
  const [loss = 0] = (await own.read(network.loss)) as FloatArray;
  const values = await own.read(gradient);
  await own.close();
  return { loss, values };
}

for (const { compute, cell } of COMPUTES.flatMap((compute) =>
  CELL_NAMES.map((cell) => ({ compute, cell })),
)) {
  test(`${compute}, ${cell}: loss and gradient differ from float64 by what rounding to 8 bits explains`, {
    skip,
  }, async () => {
    const exact = await lossAndGradient(new ReferenceEngine('float64'), cell, 'float32');
    const rounded = await lossAndGradient(engine(undefined, 2), cell, compute);
    const norm = (values: FloatArray) => Math.hypot(...values);
    const distance = norm(
      rounded.values.map((value, i) => value - (exact.values[i] as number)) as FloatArray,
    );
    // A factor is rounded by at most 2⁻⁹ of its value. The errors of a sum partly cancel; those of 21 steps add up.
    const relative = distance / norm(exact.values);
    assert.ok(relative > 2 ** -13 && relative < 2 ** -6, `the gradient differs by ${relative}`);
    assert.ok(Math.abs(rounded.loss / exact.loss - 1) < 2 ** -9, `${rounded.loss}, ${exact.loss}`);
  });
}

test('an engine without bfloat16 refuses it, by name', async () => {
  const engines = [new ReferenceEngine('float32'), new CpuEngine((await nodeWasmBackend(1)).backend)];
  for (const own of engines) {
    const { name, capabilities } = own.description;
    assert.equal(capabilities.bfloat16, false);
    const weights = own.vector(LAYOUT);
    const [x, y] = [own.tensor('float', [1, R, H]), own.tensor('float', [1, R, V])];
    for (const compute of ['bfloat16', 'bfloat16-amx'] as const)
      assert.throws(
        () => own.linearForward({ weights, module: 0, input: x, output: y, compute }),
        new RegExp(`the ${name} engine does not compute in ${compute}\\.$`),
      );
    await own.close();
  }
});
