/**
 * Computes the gates of a recurrent layer, after their non-linearities, from the input's contribution to their sums. docs/notation.md has
 * the equations.
 */
import { CELLS } from '../engine/cells.ts';
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
 * @param wanted Other gates are computed only if these depend on them.
 * @returns for each gate that is wanted, [T, H]
 */
export async function combineGates(
  { cell, reset, hiddenSize: H }: RecurrentModule,
  fromInput: FloatArray,
  previous: Float64Array,
  product: (values: Float64Array) => Promise<FloatArray>,
  wanted: readonly UnitPart[],
): Promise<Map<UnitPart, Float64Array>> {
  const found = new Map<UnitPart, Float64Array>();
  if (cell === 'rnn' || !wanted.some(isGate)) return found;
  const names: readonly UnitPart[] = CELLS[cell].gates;
  const recurrent = await product(previous);
  /** The sums of a gate: what the input contributes, plus what the state does, times a factor if one is given. */
  const sums = (gate: UnitPart, fromState: FloatArray, factor?: Float64Array) =>
    addUp(fromInput, fromState, factor, H, names.length * H, names.indexOf(gate) * H);
  for (const gate of wanted) {
    if (!isGate(gate) || gate === 'n') continue;
    found.set(gate, apply(gate === 'g' ? Math.tanh : sigmoid, sums(gate, recurrent)));
  }
  if (!wanted.includes('n')) return found;
  const r = found.get('r') ?? apply(sigmoid, sums('r', recurrent));
  const n =
    reset === 'after'
      ? sums('n', recurrent, r)
      : sums('n', await product(previous.map((value, at) => value * (r[at] as number))));
  return found.set('n', apply(Math.tanh, n));
}

/**
 * One gate of a + b, or of a + factor·b: [T, H].
 *
 * @param a, b [T, width]
 * @param factor [T, H]
 * @param offset Where the gate begins in each row of a and b.
 */
function addUp(
  a: FloatArray,
  b: FloatArray,
  factor: Float64Array | undefined,
  H: number,
  width: number,
  offset: number,
): Float64Array {
  const sums = new Float64Array((a.length / width) * H);
  for (let own = 0, row = offset; own < sums.length; row += width)
    for (let at = row; at < row + H; at++, own++) {
      const scale = factor ? (factor[own] as number) : 1;
      sums[own] = (a[at] as number) + scale * (b[at] as number);
    }
  return sums;
}

function apply(f: (x: number) => number, values: Float64Array): Float64Array {
  for (let at = 0; at < values.length; at++) values[at] = f(values[at] as number);
  return values;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
