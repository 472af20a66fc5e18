/** Recurrent weights in float16, with sums in float32. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fromHalf, toHalf } from '../../../src/checkpoint/safetensors/half-precision.ts';
import { CELL_KINDS, type CellKind, stateParts } from '../../../src/engine/cells.ts';
import type { Compute, Engine, FloatArray } from '../../../src/engine/engine.ts';
import { type Layout, parameterSlices } from '../../../src/engine/layout.ts';
import { ReferenceEngine } from '../../../src/engine/reference/reference-engine.ts';
import { largestDifference } from '../../compare.ts';
import { RandomValues } from '../random-values.ts';
import { holdDevice, softwareEngine } from './engines.ts';
import { skipWithoutSoftwareGpu as skip } from './software.ts';

/** Of the largest element, against float64: float16 has 11 significant bits. */
const TOLERANCE = 2e-3;
const DESIGNS = ['steps', 'rows'] as const;
/** An odd number of units: in float16, a cell with one gate has two weights in a word. */
const [T, B, H, D] = [4, 3, 37, 5];

let release = () => {};
before(async () => {
  if (!skip) release = await holdDevice();
});
after(() => release());

function layoutOf(kind: CellKind): Layout {
  return [{ kind: 'recurrent', name: 'layer', ...kind, input: 'dense', inputSize: D, hiddenSize: H }];
}

/** Random parameters. @param isExact Whether float16 has the recurrent ones. */
async function parametersOf(layout: Layout, isExact: boolean): Promise<Float32Array> {
  const reference = new ReferenceEngine('float32');
  const parameters = Float32Array.from(await reference.read(new RandomValues(reference, 5).vector(layout)));
  for (const { name, offset, shape } of isExact ? parameterSlices(layout) : []) {
    if (!name.endsWith('_hh')) continue;
    const part = parameters.subarray(offset, offset + shape.reduce((product, length) => product * length, 1));
    part.set(fromHalf(toHalf(part, 'float16'), 'float16'));
  }
  return parameters;
}

/** Output, final state and all gradients of a layer. */
async function passes(
  engine: Engine,
  layout: Layout,
  kind: CellKind,
  parameters: Float32Array,
  compute?: Compute,
): Promise<Record<string, FloatArray>> {
  const random = new RandomValues(engine, 7);
  const state = [stateParts(kind.cell), B, H];
  const weights = engine.vector(layout);
  engine.write(weights, parameters);
  const tape = engine.tape(layout, 0, T, B);
  const [output, final] = [engine.tensor('float', [T, B, H]), engine.tensor('float', state)];
  const call = { weights, module: 0, tape, compute, input: random.floats([T, B, D]), output };
  engine.recurrentForward({ ...call, initial: random.floats(state), final });
  const [inputGradient, initialGradient] = [engine.tensor('float', [T, B, D]), engine.tensor('float', state)];
  const gradient = engine.vector(layout);
  const outputGradient = random.floats([T, B, H]);
  engine.recurrentBackward({ ...call, outputGradient, gradient, inputGradient, initialGradient });
  const read = async (tensor: Parameters<Engine['read']>[0]) =>
    (await engine.read(tensor as never)) as FloatArray;
  return {
    output: await read(output),
    final: await read(final),
    gradient: await engine.read(gradient),
    inputGradient: await read(inputGradient),
    initialGradient: await read(initialGradient),
  };
}

for (const kind of CELL_KINDS) {
  const layout = layoutOf(kind);
  for (const design of DESIGNS) {
    const name = `${kind.cell}${kind.reset ? `, reset ${kind.reset}` : ''}, ${design}`;
    test(`${name}: weights that float16 has give the bits of float32, in both passes`, { skip }, async () => {
      const parameters = await parametersOf(layout, true);
      const engine = await softwareEngine({ design });
      const exact = await passes(engine, layout, kind, parameters);
      assert.deepEqual(await passes(engine, layout, kind, parameters, 'float16'), exact);
      await engine.close();
    });

    test(`${name}: other weights are rounded, and results stay within ${TOLERANCE} of float64`, {
      skip,
    }, async () => {
      const parameters = await parametersOf(layout, false);
      const engine = await softwareEngine({ design });
      const rounded = await passes(engine, layout, kind, parameters, 'float16');
      const expected = await passes(new ReferenceEngine('float64'), layout, kind, parameters);
      for (const [what, values] of Object.entries(expected)) {
        const difference = largestDifference(rounded[what] as FloatArray, values);
        assert.ok(difference <= TOLERANCE, `${what}: differs by ${difference}`);
        assert.ok(difference > 1e-6, `${what}: not rounded`);
      }
      await engine.close();
    });
  }
}
