/** A model that does not fit in memory is refused with sizes that fit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parameterCount } from '../../src/engine/layout.ts';
import { MemoryError } from '../../src/errors.ts';
import { layoutOf, type ModelConfig } from '../../src/model/config.ts';
import {
  checkMemory,
  checkModelFits,
  estimateCopies,
  estimateMemory,
  fitsMemory,
  largestArray,
  type MemoryBounds,
} from '../../src/model/memory.ts';

const config: ModelConfig = { cell: 'lstm', layers: 2, hiddenSize: 2000, vocabularySize: 100 };
const needs = { precision: 'float32', batchSize: 100, sequenceLength: 100, moments: 1 } as const;

/** The error of a check. */
function errorOf(bounds: MemoryBounds, isResumed = false): MemoryError {
  try {
    checkMemory(config, needs, bounds, isResumed);
  } catch (error) {
    assert.ok(error instanceof MemoryError);
    return error;
  }
  return assert.fail('it fits');
}

test('the error names the largest hidden size and batch size that fit', () => {
  const all = estimateMemory(config, needs);
  const largest = largestArray(config, needs);
  const cases: [MemoryBounds, RegExp][] = [
    [{ available: all - 1 }, /would take about 2\.49 GB; there are 2\.49 GB\.\nWith fewer hidden units/],
    [{ available: all / 2 }, /would take about/],
    [{ available: 2 * all, limits: { bytes: all / 2 } }, /would take about .* GB; the engine has 1\.24 GB\./],
    [
      { available: 2 * all, limits: { largest: largest * 0.7 } },
      /would need an array of .* MB; the engine's limit for one array is .* MB\.\n/,
    ],
  ];
  for (const [bounds, message] of cases) {
    const { message: text, remedies } = errorOf(bounds);
    assert.match(text, message);
    const sizes = Object.assign({}, ...remedies.map(({ set }) => set)) as {
      hiddenSize: number;
      batchSize: number;
    };
    assert.ok(sizes.hiddenSize > 500 && sizes.hiddenSize < 2000);
    const fits = (hiddenSize: number, batchSize: number) =>
      fitsMemory({ ...config, hiddenSize }, { ...needs, batchSize }, bounds);
    assert.ok(fits(sizes.hiddenSize, 100));
    assert.ok(!fits(sizes.hiddenSize + 10, 100));
    if (sizes.batchSize === undefined) continue;
    assert.ok(fits(2000, sizes.batchSize));
    assert.ok(!fits(2000, sizes.batchSize + 1));
  }
  assert.equal(checkMemory(config, needs, { available: all, limits: { bytes: all, largest } }), all);
});

test('it names only sizes that can change, and that exist', () => {
  const all = estimateMemory(config, needs);
  assert.deepEqual(
    errorOf({ available: all * 0.9 }, true).remedies.map(({ set }) => Object.keys(set ?? {})),
    [['batchSize']],
  );
  assert.deepEqual(
    errorOf({ available: 1000 }).remedies.map(({ text }) => text),
    ['It needs fewer layers or a shorter sequence'],
  );
});

test('a model with too large an array for a GPU, which the machine has memory for, can compute on the CPU', () => {
  const all = estimateMemory(config, needs);
  const largest = largestArray(config, needs) - 1;
  const texts = (bounds: MemoryBounds) => errorOf(bounds).remedies.map(({ text }) => text);
  const onGpu = texts({ available: all, limits: { largest } });
  assert.equal(onGpu.at(-1), 'To compute on the CPU');
  assert.match(errorOf({ available: all, limits: { largest } }).message, /^an lstm with /);
  for (const bounds of [
    { available: all - 1, limits: { largest } },
    { available: 2 * all, limits: { bytes: all - 1 } },
  ])
    assert.ok(!texts(bounds).includes('To compute on the CPU'));
});

test('on a GPU, only the copies of the state are compared with the memory of the machine', () => {
  const kept = { ...needs, saves: true, retries: true };
  const copies = estimateCopies(config, kept);
  // Two copies of the weights and one moment, in float32.
  assert.equal(copies, parameterCount(layoutOf(config)) * 2 * 2 * 4);
  assert.ok(copies < estimateMemory(config, kept));
  const onDevice = (available: number) => ({ available, limits: { isOnDevice: true } });
  assert.ok(fitsMemory(config, kept, onDevice(copies)));
  assert.ok(fitsMemory(config, needs, onDevice(0)));
  assert.throws(() => checkMemory(config, kept, onDevice(copies - 1)), {
    name: 'MemoryError',
    message: /, would keep copies of about .* outside the GPU; there are .*\.\nWith fewer hidden units/,
  });
  assert.ok(!fitsMemory(config, kept, { available: copies }));
});

test('a model in use is compared with the limits of the engine', () => {
  const engine = (limits: { bytes?: number; largest?: number }) => ({
    description: {
      ...({ name: 'gpu', precision: 'float32', text: 'a GPU', depth: 4, canBeLost: true, limits } as const),
      capabilities: {
        drawControls: new Set<never>(),
        exactBits: false,
        bfloat16: false,
        float16: false,
        int8: false,
      },
    },
  });
  checkModelFits(config, engine({}));
  checkModelFits(config, engine({ bytes: 1e9, largest: 1e9 }));
  assert.throws(() => checkModelFits(config, engine({ largest: 1e6 })), {
    name: 'MemoryError',
    message:
      /^the model is too large for the engine: it would need an array of .* MB; .*\nTo compute on the CPU: engine: "auto", without gpu$/,
  });
});
