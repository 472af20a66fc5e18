/** The part of the contract suite for recurrent layers. */
import assert from 'node:assert/strict';
import { CELL_KINDS, type CellKind, stateParts } from '../../src/engine/cells.ts';
import type { Engine, FloatArray, Tensor, Vector } from '../../src/engine/engine.ts';
import { type Layout, parameterSlices, type RecurrentModule } from '../../src/engine/layout.ts';
import { largestDifference } from '../compare.ts';
import type { ContractPart } from './contract-suite.ts';
import { naiveRecurrent } from './naive-recurrent.ts';
import { RandomValues, sizeOf } from './random-values.ts';

/** A layer with random values for all inputs that a call can have. */
class Case {
  readonly layout: Layout;
  readonly module: RecurrentModule;
  readonly weights: Vector;
  readonly input: Tensor;
  readonly resets: Tensor;
  readonly initial: Tensor;
  readonly outputGradient: Tensor;
  readonly finalGradient: Tensor;
  readonly engine: Engine;
  readonly steps: number;
  readonly rows: number;

  constructor(
    engine: Engine,
    kind: CellKind,
    input: 'tokens' | 'dense',
    { steps = 5, rows = 3, hiddenSize = 6, inputSize = 4, seed = 1 } = {},
  ) {
    this.engine = engine;
    this.steps = steps;
    this.rows = rows;
    this.module = { kind: 'recurrent', name: 'layer', ...kind, input, inputSize, hiddenSize };
    this.layout = [this.module];
    const random = new RandomValues(engine, seed);
    const parts = stateParts(kind.cell);
    this.weights = random.vector(this.layout, 0.8);
    this.input =
      input === 'tokens'
        ? random.integers([steps, rows], inputSize)
        : random.floats([steps, rows, inputSize]);
    this.resets = engine.tensor('byte', [steps, rows]);
    engine.write(this.resets, [1], rows * Math.min(2, steps - 1) + 1);
    this.initial = random.floats([parts, rows, hiddenSize]);
    this.outputGradient = random.floats([steps, rows, hiddenSize]);
    this.finalGradient = random.floats([parts, rows, hiddenSize]);
  }

  /** Drops recurrent weights and inputs in a vector of this layout. */
  drop(vector: Vector): void {
    const common = { probability: 0.4, seed: 7, batch: 2, vector, module: 0 };
    this.engine.dropWeights({ ...common, site: 1, parameter: 'weight_hh', drops: 'weight' });
    this.engine.dropWeights({ ...common, site: 2, parameter: 'weight_ih', drops: 'input' });
  }

  /** Runs the forward pass. Returns the outputs, the final state and the tape. */
  async forward(options: { resets?: boolean } = {}) {
    const { engine, steps, rows, module } = this;
    const output = engine.tensor('float', [steps, rows, module.hiddenSize]);
    const final = engine.tensor('float', this.initial.shape);
    const tape = engine.tape(this.layout, 0, steps, rows);
    engine.recurrentForward({
      weights: this.weights,
      module: 0,
      input: this.input,
      initial: this.initial,
      final,
      output,
      tape,
      resets: options.resets ? this.resets : undefined,
    });
    return { output, final, tape };
  }
}

/** Reads a float tensor. */
async function read(engine: Engine, tensor: Tensor): Promise<FloatArray> {
  return (await engine.read(tensor)) as FloatArray;
}

export const recurrentContract: ContractPart = (add, tolerance) => {
  for (const kind of CELL_KINDS) {
    const kindName = kind.reset ? `${kind.cell}, reset ${kind.reset}` : kind.cell;
    for (const input of ['tokens', 'dense'] as const) {
      add(`${kindName}, ${input}: the forward pass follows the equations`, async (engine) => {
        for (const options of [{}, { resets: true }]) {
          const layer = new Case(engine, kind, input);
          const { output, final } = await layer.forward(options);
          const expected = naiveRecurrent({
            module: layer.module,
            parameters: await engine.read(layer.weights),
            steps: layer.steps,
            rows: layer.rows,
            input: await engine.read(layer.input),
            initial: await engine.read(layer.initial),
            resets: options.resets ? await engine.read(layer.resets) : undefined,
          });
          assert.ok(largestDifference(await read(engine, output), expected.output) <= tolerance, 'output');
          assert.ok(largestDifference(await read(engine, final), expected.final) <= tolerance, 'final state');
        }
      });
    }

    add(
      `${kindName}: a sequence has the same bits in pieces, step by step, and with other rows in the batch`,
      async (engine) => {
        const whole = new Case(engine, kind, 'dense', { steps: 7, rows: 5, hiddenSize: 19, inputSize: 11 });
        const { output, final } = await whole.forward();
        const expected = await read(engine, output);
        const expectedFinal = await read(engine, final);
        const input = await read(engine, whole.input);
        const initial = await read(engine, whole.initial);
        const H = 19;
        const D = 11;
        for (const cut of [[7], [3, 4], [1, 1, 1, 1, 1, 1, 1]]) {
          for (const rows of [[0, 1, 2, 3, 4], [3], [4, 1]]) {
            const state = engine.tensor('float', [stateParts(kind.cell), rows.length, H]);
            engine.write(state, pickRows(initial, 5, H, rows));
            let from = 0;
            for (const steps of cut) {
              const piece = engine.tensor('float', [steps, rows.length, D]);
              engine.write(piece, pickRows(input.subarray(from * 5 * D, (from + steps) * 5 * D), 5, D, rows));
              const pieceOutput = engine.tensor('float', [steps, rows.length, H]);
              engine.recurrentForward({
                weights: whole.weights,
                module: 0,
                input: piece,
                initial: state,
                final: state,
                output: pieceOutput,
              });
              const got = await read(engine, pieceOutput);
              const want = pickRows(expected.subarray(from * 5 * H, (from + steps) * 5 * H), 5, H, rows);
              assert.deepEqual(Array.from(got), Array.from(want));
              from += steps;
            }
            assert.deepEqual(
              Array.from(await read(engine, state)),
              Array.from(pickRows(expectedFinal, 5, H, rows)),
            );
          }
        }
      },
    );
  }
};

/** Some of the B rows of values [N, B, width]. */
function pickRows(values: FloatArray, batch: number, width: number, rows: readonly number[]): number[] {
  const picked: number[] = [];
  for (let at = 0; at < values.length; at += batch * width) {
    for (const row of rows) picked.push(...values.subarray(at + row * width, at + (row + 1) * width));
  }
  return picked;
}

/** Compares all gradients of the backward pass with finite differences. For engines that compute in float64. */
export const recurrentGradientContract: ContractPart = (add) => {
  for (const kind of CELL_KINDS) {
    const kindName = kind.reset ? `${kind.cell}, reset ${kind.reset}` : kind.cell;
    for (const input of ['tokens', 'dense'] as const) {
      for (const dropout of input === 'dense' ? [false, true] : [false]) {
        add(
          `${kindName}, ${input}${dropout ? ', dropout' : ''}: gradients with resets and dropped weights`,
          (engine) => checkGradients(new Case(engine, kind, input), dropout),
        );
      }
    }
  }
};

async function checkGradients(layer: Case, withDropout: boolean) {
  const { engine, module, weights, steps, rows } = layer;
  const H = module.hiddenSize;
  const output = engine.tensor('float', [steps, rows, H]);
  const final = engine.tensor('float', layer.initial.shape);
  const tape = engine.tape(layer.layout, 0, steps, rows);
  const dropped = engine.vector(layer.layout);
  const common = {
    weights: dropped,
    module: 0,
    input: layer.input,
    resets: layer.resets,
    dropout: withDropout ? { probability: 0.3, seed: 1, batch: 2, site: 3 } : undefined,
    output,
    tape,
  };
  const outputWeights = await read(engine, layer.outputGradient);
  const finalWeights = await read(engine, layer.finalGradient);
  const dot = (a: FloatArray, b: FloatArray) =>
    Array.from(a, (value, i) => value * (b[i] as number)).reduce((sum, value) => sum + value, 0);
  /** A loss that is linear in the outputs and the final state. */
  const loss = async () => {
    engine.copy(weights, dropped);
    layer.drop(dropped);
    engine.recurrentForward({ ...common, initial: layer.initial, final });
    return dot(await read(engine, output), outputWeights) + dot(await read(engine, final), finalWeights);
  };
  await loss();
  const gradient = engine.vector(layer.layout);
  const inputGradient = module.input === 'dense' ? engine.tensor('float', layer.input.shape) : undefined;
  const initialGradient = engine.tensor('float', layer.initial.shape);
  engine.recurrentBackward({
    ...common,
    outputGradient: layer.outputGradient,
    finalGradient: layer.finalGradient,
    gradient,
    inputGradient,
    initialGradient,
  });
  layer.drop(gradient);
  assertBothKinds(layer.layout, await engine.read(gradient));
  const checks: [string, Tensor | Vector, FloatArray][] = [
    ['weights', weights, await engine.read(gradient)],
    ['initial state', layer.initial, await read(engine, initialGradient)],
  ];
  if (inputGradient) checks.push(['input', layer.input, await read(engine, inputGradient)]);
  for (const [what, target, got] of checks) {
    const values = (
      target.kind === 'vector' ? await engine.read(target) : await engine.read(target)
    ) as FloatArray;
    assert.equal(got.length, target.kind === 'vector' ? target.size : sizeOf(target.shape));
    for (const [index, value] of values.entries()) {
      const step = 1e-5;
      engine.write(target, [value + step], index);
      const above = await loss();
      engine.write(target, [value - step], index);
      const below = await loss();
      engine.write(target, [value], index);
      const slope = (above - below) / (2 * step);
      const error = Math.abs(slope - (got[index] as number));
      assert.ok(error < 1e-6, `${what} ${index}: slope ${slope}, gradient ${got[index]}`);
    }
  }
}

/** Checks that some weights of a gradient were dropped, and others not. */
function assertBothKinds(layout: Layout, gradient: FloatArray) {
  for (const { name, offset, size } of parameterSlices(layout)) {
    const zeros = gradient.subarray(offset, offset + size).filter((value) => value === 0).length;
    if (name.startsWith('weight')) assert.ok(zeros > 0 && zeros < size, `${name}: ${zeros} of ${size}`);
  }
}
