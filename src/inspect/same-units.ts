/** Units that do nearly the same in a text, or the opposite. */
import { TurnTaker } from '../util/event-loop.ts';
import { standardized } from './label-units.ts';
import type { UnitPart, UnitStates } from './unit-states.ts';

/** Two units whose |r| is higher than this count as doing the same. */
const SAME = 0.9;
/** First, r is estimated from some of the positions. Pairs with a lower estimate than this are not computed at all positions. */
const LIKELY = 0.85;
/** Multiplications for all estimates together; they take less than a tenth of a second. */
const PRODUCTS = 3e7;
/** The fewest positions that an estimate uses, if the text is long enough. */
const LEAST_POSITIONS = 400;

/** A unit that does the same as an earlier one. */
export interface SameUnit {
  /** The index of that unit. */
  readonly as: number;
  /** Their correlation, Pearson's r; negative if one does the opposite of the other. */
  readonly r: number;
}

/**
 * For each unit of a list, the first of the units before it that does the same. So the units form groups, each under its first unit.
 *
 * @returns undefined for a unit that is the first of its group
 */
export async function sameUnits(
  states: UnitStates,
  units: readonly { readonly layer: number; readonly unit: number }[],
  part: UnitPart,
  signal?: AbortSignal,
): Promise<(SameUnit | undefined)[]> {
  const pairs = Math.max(1, (units.length * (units.length - 1)) / 2);
  const step = oddAtLeast(states.length / Math.max(LEAST_POSITIONS, PRODUCTS / pairs));
  /** Every n-th value of a unit, standardized. */
  const valuesOf = (index: number, n: number) => {
    const { layer, unit } = units[index] as { layer: number; unit: number };
    const all = states.matrix(layer, part);
    const length = Math.ceil(states.length / n);
    const values = new Float32Array(length);
    for (let k = 0; k < length; k++) values[k] = all[k * n * states.units + unit - 1] as number;
    return standardized(values);
  };
  const correlation = (a: number, b: number) => dot(valuesOf(a, 1), valuesOf(b, 1));
  const turns = new TurnTaker();
  const firsts: { readonly index: number; readonly some: Float64Array }[] = [];
  const found: (SameUnit | undefined)[] = [];
  for (const index of units.keys()) {
    signal?.throwIfAborted();
    await turns.take();
    const some = valuesOf(index, step);
    let same: SameUnit | undefined;
    for (const first of some ? firsts : []) {
      if (Math.abs(dot(first.some, some)) < LIKELY) continue;
      const r = correlation(first.index, index);
      if (Math.abs(r) <= SAME) continue;
      same = { as: first.index, r };
      break;
    }
    if (some && !same) firsts.push({ index, some });
    found.push(same);
  }
  return found;
}

/** Odd, because the patterns of texts often have even lengths. */
function oddAtLeast(least: number): number {
  return 2 * Math.ceil(Math.max(0, least - 1) / 2) + 1;
}

/** Pearson's r of standardized values; 0 if one of them does not change. */
function dot(a: Float64Array | undefined, b: Float64Array | undefined): number {
  if (!a || !b) return 0;
  let [even, odd] = [0, 0];
  // With two sums, a product need not wait for the one before it.
  const whole = a.length - (a.length % 2);
  for (let t = 0; t < whole; t += 2) {
    even += (a[t] as number) * (b[t] as number);
    odd += (a[t + 1] as number) * (b[t + 1] as number);
  }
  for (let t = whole; t < a.length; t++) even += (a[t] as number) * (b[t] as number);
  return even + odd;
}
