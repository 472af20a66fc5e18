/** Recurrent layers on WebGPU: what the contract suite's small shapes do not reach. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CELL_KINDS, type CellKind, stateParts } from '../../../src/engine/cells.ts';
import type { Engine, FloatArray } from '../../../src/engine/engine.ts';
import type { Layout } from '../../../src/engine/layout.ts';
import { ReferenceEngine } from '../../../src/engine/reference/reference-engine.ts';
import type { TuningOptions } from '../../../src/engine/webgpu/tuning.ts';
import { largestDifference } from '../../compare.ts';
import { RandomValues } from '../random-values.ts';
import { holdDevice, softwareEngine } from './engines.ts';
import { skipWithoutSoftwareGpu as skip } from './software.ts';

/** Of the largest element, against float64. */
const TOLERANCE = 1e-5;

let release = () => {};
before(async () => {
  if (!skip) release = await holdDevice();
});
after(() => release());

interface Shape {
  readonly steps: number;
  readonly rows: number;
  readonly units: number;
  readonly inputs: number;
}

function layoutOf(kind: CellKind, input: 'tokens' | 'dense', { units, inputs }: Shape): Layout {
  return [{ kind: 'recurrent', name: 'layer', ...kind, input, inputSize: inputs, hiddenSize: units }];
}

/** Output and final state of a layer over a dense input. */
async function forward(engine: Engine, kind: CellKind, shape: Shape): Promise<number[]> {
  const { steps, rows, units, inputs } = shape;
  const random = new RandomValues(engine, 4);
  const weights = random.vector(layoutOf(kind, 'dense', shape));
  const input = random.floats([steps, rows, inputs]);
  const initial = random.floats([stateParts(kind.cell), rows, units]);
  const resets = random.integers([steps, rows], 2, 'byte');
  const output = engine.tensor('float', [steps, rows, units]);
  const cells = kind.cell === 'lstm' ? engine.tensor('float', [steps, rows, units]) : undefined;
  const dropout = { probability: 0.3, seed: 1, batch: 2, site: 3, firstStep: 2 };
  const layer = { weights, module: 0, input, resets, dropout };
  engine.recurrentForward({ ...layer, initial, final: initial, output, cells });
  const tensors = [output, initial, ...(cells ? [cells] : [])];
  const all = await Promise.all(
    tensors.map(async (tensor) => [...((await engine.read(tensor)) as FloatArray)]),
  );
  return all.flat();
}

/** The gradient of all weights of a layer over tokens. */
async function backward(engine: Engine, kind: CellKind, shape: Shape): Promise<FloatArray> {
  const { steps, rows, units, inputs } = shape;
  const layout = layoutOf(kind, 'tokens', shape);
  const random = new RandomValues(engine, 6);
  const weights = random.vector(layout);
  const input = random.integers([steps, rows], inputs);
  const initial = random.floats([stateParts(kind.cell), rows, units]);
  const output = engine.tensor('float', [steps, rows, units]);
  const tape = engine.tape(layout, 0, steps, rows);
  const gradient = engine.vector(layout);
  const layer = { weights, module: 0, input, output, tape };
  engine.recurrentForward({ ...layer, initial, final: initial });
  engine.recurrentBackward({ ...layer, outputGradient: random.floats([steps, rows, units]), gradient });
  return engine.read(gradient);
}

for (const kind of CELL_KINDS) {
  const name = Object.values(kind).join(', ');

  test(`${name}: pieces of time, and parts of long dispatches, have the bits of the whole`, {
    skip,
  }, async () => {
    const shape = { steps: 5, rows: 3, units: 40, inputs: 70 };
    const run = async (tuning: TuningOptions) => {
      const engine = await softwareEngine(tuning);
      const bits = await forward(engine, kind, shape);
      await engine.close();
      return bits;
    };
    const expected = await run({ design: 'steps' });
    // Two steps in a piece at most; a dispatch for each step.
    for (const tuning of [{ scratchBytes: 10_000 }, { operations: 1 }] as const) {
      assert.deepEqual(await run({ ...tuning, design: 'steps' }), expected, JSON.stringify(tuning));
      assert.deepEqual(await run({ ...tuning, design: 'rows' }), expected, JSON.stringify(tuning));
    }
  });

  test(`${name}: a layer of more units than a workgroup has, and more positions than a chunk`, {
    skip,
  }, async () => {
    const shape = { steps: 3, rows: 100, units: 140, inputs: 5 };
    const expected = await backward(new ReferenceEngine('float64'), kind, shape);
    const results: FloatArray[] = [];
    for (const design of ['steps', 'rows'] as const) {
      const engine = await softwareEngine({ design });
      results.push(await backward(engine, kind, shape));
      await engine.close();
    }
    const difference = largestDifference(results[0] as FloatArray, expected);
    assert.ok(difference <= TOLERANCE, `differs by ${difference}`);
    assert.deepEqual(results[1], results[0]);
  });
}

test('a layer sees every change of its weights', { skip }, async () => {
  const engine = await softwareEngine();
  const shape = { steps: 2, rows: 2, units: 5, inputs: 3 };
  const layout = layoutOf({ cell: 'lstm' }, 'tokens', shape);
  const random = new RandomValues(engine, 4);
  const [weights, others] = [random.vector(layout), random.vector(layout)];
  const input = random.integers([2, 2], 3);
  const initial = random.floats([2, 2, 5]);
  const final = engine.tensor('float', [2, 2, 5]);
  const output = engine.tensor('float', [2, 2, 5]);
  const run = async (vector = weights) => {
    engine.recurrentForward({ weights: vector, module: 0, input, initial, final, output });
    return [...((await engine.read(final)) as FloatArray)];
  };
  const first = await run();
  const second = await run(others);
  assert.notDeepEqual(second, first);
  assert.deepEqual(await run(), first, 'another vector in between');
  engine.copy(others, weights);
  assert.deepEqual(await run(), second, 'copy');
  engine.fill(weights, 0);
  assert.notDeepEqual(await run(), second, 'fill');
  engine.average(others, weights, 1);
  assert.deepEqual(await run(), second, 'average');
  engine.write(weights, [9], weights.size - 12);
  assert.notDeepEqual(await run(), second, 'write');
  await engine.close();
});
