/**
 * Which units are active in a stretch of a text, and where else they are active together: the selection of LSTMVis (Strobelt et al. 2018), with
 * deviations from the mean instead of thresholds.
 */
import type { UnitPart, UnitStates } from './unit-states.ts';

export interface ActiveUnit {
  /** Layer and unit are numbered from 1. */
  readonly layer: number;
  readonly unit: number;
  /** The unit's mean in the stretch, in standard deviations from its mean in the whole text. */
  readonly strength: number;
}

/** The symbols from `from` up to, but not including, `to`, counted from 0. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export interface SimilarPlace extends Stretch {
  /** The mean strength of the units there, in the direction that they had in the stretch. */
  readonly strength: number;
}

/**
 * The units whose values differ most from their mean in a stretch.
 *
 * @returns at most `most`, the strongest first
 * @throws {RangeError} for a stretch that is empty or not within the text
 */
export function activeUnits(
  states: UnitStates,
  { from, to }: Stretch,
  { part = 'h', most = 12 }: { readonly part?: UnitPart; readonly most?: number } = {},
): ActiveUnit[] {
  checkStretch(states, { from, to });
  const found: ActiveUnit[] = [];
  for (const layer of states.layers) {
    const all = states.matrix(layer, part);
    const { mean, deviation } = momentsOf(all, states.units);
    for (let u = 0; u < states.units; u++) {
      let sum = 0;
      for (let t = from; t < to; t++) sum += all[t * states.units + u] as number;
      const scale = deviation[u] as number;
      const strength = scale === 0 ? 0 : (sum / (to - from) - (mean[u] as number)) / scale;
      found.push({ layer, unit: u + 1, strength });
    }
  }
  return found.sort((a, b) => Math.abs(b.strength) - Math.abs(a.strength)).slice(0, most);
}

/**
 * Other stretches of the same length in which units are active as in a given one.
 *
 * @param units From `activeUnits` of that stretch.
 * @returns at most `most` that do not overlap, the strongest first; only those at least half as strong as the given one
 * @throws {RangeError} for a stretch that is empty or not within the text
 */
export function similarPlaces(
  states: UnitStates,
  { from, to }: Stretch,
  units: readonly ActiveUnit[],
  { part = 'h', most = 10 }: { readonly part?: UnitPart; readonly most?: number } = {},
): SimilarPlace[] {
  checkStretch(states, { from, to });
  if (units.length === 0) return [];
  const together = new Float64Array(states.length);
  for (const { layer, unit, strength } of units) {
    const values = states.column(layer, unit, part);
    const { mean, deviation } = momentsOf(values, 1);
    const scale = Math.sign(strength) / ((deviation[0] as number) || 1) / units.length;
    for (let t = 0; t < values.length; t++)
      together[t] = (together[t] as number) + ((values[t] as number) - (mean[0] as number)) * scale;
  }
  const length = to - from;
  const strengths = movingMeans(together, length);
  const least = (strengths[from] as number) / 2;
  const order = Array.from(strengths.keys()).sort(
    (a, b) => (strengths[b] as number) - (strengths[a] as number),
  );
  const places: SimilarPlace[] = [];
  const isFree = (start: number) =>
    Math.abs(start - from) >= length && places.every((place) => Math.abs(start - place.from) >= length);
  for (const start of order) {
    const strength = strengths[start] as number;
    if (places.length === most || strength < least) break;
    if (isFree(start)) places.push({ from: start, to: start + length, strength });
  }
  return places;
}

function checkStretch(states: UnitStates, { from, to }: Stretch): void {
  if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= states.length) return;
  throw new RangeError(
    `got the stretch from ${from} to ${to}, expected one within the ${states.length} symbols`,
  );
}

/** The mean and the standard deviation of each column of a matrix, [T, columns]. */
function momentsOf(all: Float32Array, columns: number): { mean: Float64Array; deviation: Float64Array } {
  const mean = new Float64Array(columns);
  const deviation = new Float64Array(columns);
  const rows = all.length / columns;
  for (let k = 0; k < all.length; k++) mean[k % columns] = (mean[k % columns] as number) + (all[k] as number);
  for (let u = 0; u < columns; u++) mean[u] = (mean[u] as number) / rows;
  for (let k = 0; k < all.length; k++) {
    const difference = (all[k] as number) - (mean[k % columns] as number);
    deviation[k % columns] = (deviation[k % columns] as number) + difference * difference;
  }
  for (let u = 0; u < columns; u++) deviation[u] = Math.sqrt((deviation[u] as number) / rows);
  return { mean, deviation };
}

/** The means of all stretches of a length, by their start. */
function movingMeans(values: Float64Array, length: number): Float64Array {
  const means = new Float64Array(values.length - length + 1);
  let sum = 0;
  for (let t = 0; t < values.length; t++) {
    sum += values[t] as number;
    if (t >= length) sum -= values[t - length] as number;
    if (t >= length - 1) means[t - length + 1] = sum / length;
  }
  return means;
}
