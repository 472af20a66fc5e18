/** The part of the contract suite for the backward pass of recurrent layers: every engine has the gradients of the float64 reference. */
import assert from 'node:assert/strict';
import { CELL_KINDS, carriesC, stateParts } from '../../src/engine/cells.ts';
import type { Dropout, Engine, FloatArray, Tensor } from '../../src/engine/engine.ts';
import type { RecurrentModule } from '../../src/engine/layout.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { largestDifference } from '../compare.ts';
import type { ContractPart } from './contract-suite.ts';
import { RandomValues } from './random-values.ts';

/** What a call has besides weights, input and gradients of the output. */
interface Options {
  readonly resets: boolean;
  readonly gradientOfFinal: boolean;
  readonly gradientOfInitial: boolean;
  readonly dropout?: Dropout | undefined;
}

const SIZES = [
  { steps: 5, rows: 3, hiddenSize: 6, inputSize: 4 },
  // More units than a workgroup of a GPU or a vector of a CPU has, and a number that neither divides.
  { steps: 3, rows: 5, hiddenSize: 37, inputSize: 11 },
];

const DROPOUTS: readonly (readonly [string, Dropout | undefined])[] = [
  ['', undefined],
  [', dropout per step', { probability: 0.4, seed: 1, batch: 2, site: 3, firstStep: 4 }],
  [', dropout per sequence', { probability: 0.3, seed: 2, batch: 1, site: 3, perSequence: true }],
];

export const recurrentBackwardContract: ContractPart = (add, tolerance) => {
  for (const kind of CELL_KINDS) {
    const kindName = kind.reset ? `${kind.cell}, reset ${kind.reset}` : kind.cell;
    for (const input of ['tokens', 'dense'] as const) {
      for (const [dropoutName, dropout] of input === 'dense' ? DROPOUTS : DROPOUTS.slice(0, 1)) {
        add(
          `${kindName}, ${input}${dropoutName}: the backward pass has the reference's gradients`,
          async (engine) => {
            const reference = new ReferenceEngine('float64');
            for (const size of SIZES) {
              const module: RecurrentModule = { kind: 'recurrent', name: 'layer', ...kind, input, ...size };
              for (const isFull of [false, true]) {
                const options = {
                  ...{ resets: isFull, gradientOfFinal: isFull, gradientOfInitial: isFull, dropout },
                };
                const expected = await passes(reference, module, size, options);
                const got = await passes(engine, module, size, options);
                for (const [what, values] of Object.entries(expected)) {
                  const difference = largestDifference(got[what] as FloatArray, values);
                  assert.ok(difference <= 5 * tolerance, `${what}: differs by ${difference}`);
                }
              }
            }
          },
        );
      }
    }
  }
};

/** Runs both passes. Returns all that they compute. */
async function passes(
  engine: Engine,
  module: RecurrentModule,
  { steps, rows }: (typeof SIZES)[number],
  { resets, gradientOfFinal, gradientOfInitial, dropout }: Options,
): Promise<Record<string, FloatArray>> {
  const { hiddenSize: H, inputSize: D } = module;
  const layout = [module];
  const random = new RandomValues(engine, 5);
  const state = [stateParts(module.cell), rows, H];
  const isDense = module.input === 'dense';
  const weights = random.vector(layout, 0.8);
  const common = {
    ...{ weights, module: 0, dropout },
    input: isDense ? random.floats([steps, rows, D]) : random.integers([steps, rows], D),
    resets: resets ? someResets(engine, steps, rows) : undefined,
    output: engine.tensor('float', [steps, rows, H]),
    tape: engine.tape(layout, 0, steps, rows),
  };
  const final = engine.tensor('float', state);
  const cells = carriesC(module.cell) ? engine.tensor('float', [steps, rows, H]) : undefined;
  engine.recurrentForward({ ...common, initial: random.floats(state), final, cells });
  const gradient = random.vector(layout);
  const inputGradient = isDense ? random.floats([steps, rows, D]) : undefined;
  const initialGradient = gradientOfInitial ? random.floats(state) : undefined;
  engine.recurrentBackward({
    ...common,
    outputGradient: random.floats([steps, rows, H]),
    finalGradient: gradientOfFinal ? random.floats(state) : undefined,
    ...{ gradient, inputGradient, initialGradient },
  });
  const read = async (tensor: Tensor) => (await engine.read(tensor)) as FloatArray;
  return {
    output: await read(common.output),
    final: await read(final),
    gradient: await engine.read(gradient),
    ...(cells && { cells: await read(cells) }),
    ...(inputGradient && { inputGradient: await read(inputGradient) }),
    ...(initialGradient && { initialGradient: await read(initialGradient) }),
  };
}

/** Every fourth position begins anew: some rows at the first step, some later, some never. */
function someResets(engine: Engine, steps: number, rows: number): Tensor {
  const resets = engine.tensor('byte', [steps, rows]);
  engine.write(
    resets,
    Array.from({ length: steps * rows }, (_, position) => (position % 4 === 1 ? 1 : 0)),
  );
  return resets;
}
