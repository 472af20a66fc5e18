/**
 * Computes the gates of a recurrent layer, after their non-linearities, from the input's contribution to their sums. docs/notation.md has
 * the equations.
 */
import type { FloatArray } from '../engine/engine.ts';
import type { RecurrentModule } from '../engine/layout.ts';
import type { UnitPart } from './unit-states.ts';

/** Whether a part is a gate, not a part of the state. */
export function isGate(part: UnitPart): boolean {
  return part !== 'h' && part !== 'c';
}

/**
 * @param fromInput W x + b of weight_ih and bias_ih, [T, G·H].
 * @param previous h before each step, [T, H].
 * @param product Computes U v + b of weight_hh and bias_hh, [T, G·H], for vectors v, [T, H].
 * @returns for each gate, [T, H]
 */
export async function combineGates(
  { cell, reset, hiddenSize: H }: RecurrentModule,
  fromInput: FloatArray,
  previous: Float64Array,
  product: (values: Float64Array) => Promise<FloatArray>,
): Promise<Map<UnitPart, Float64Array>> {
  const recurrent = await product(previous);
  const T = previous.length / H;
  const width = fromInput.length / T;
  /** A gate from its sums: the input's contribution, plus a term that is given for each position and unit. */
  const gate = (
    index: number,
    activation: (x: number) => number,
    other: (at: number, own: number) => number,
  ) =>
    Float64Array.from({ length: T * H }, (_, own) => {
      const at = Math.floor(own / H) * width + index * H + (own % H);
      return activation((fromInput[at] as number) + other(at, own));
    });
  const simple = (index: number, activation: (x: number) => number) =>
    gate(index, activation, (at) => recurrent[at] as number);
  if (cell === 'rnn') return new Map();
  if (cell === 'lstm') {
    return new Map<UnitPart, Float64Array>([
      ['i', simple(0, sigmoid)],
      ['f', simple(1, sigmoid)],
      ['o', simple(2, sigmoid)],
      ['g', simple(3, Math.tanh)],
    ]);
  }
  const z = simple(0, sigmoid);
  const r = simple(1, sigmoid);
  const gated = (own: number) => r[own] as number;
  if (reset === 'after') {
    const n = gate(2, Math.tanh, (at, own) => gated(own) * (recurrent[at] as number));
    return new Map<UnitPart, Float64Array>([
      ['z', z],
      ['r', r],
      ['n', n],
    ]);
  }
  const before = await product(previous.map((value, own) => value * gated(own)));
  const n = gate(2, Math.tanh, (at) => before[at] as number);
  return new Map<UnitPart, Float64Array>([
    ['z', z],
    ['r', r],
    ['n', n],
  ]);
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
