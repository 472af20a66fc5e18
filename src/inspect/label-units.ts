/**
 * Labels units by what they track: the detector whose values correlate most with the unit's.
 *
 * Even in an untrained network, the hidden state depends on the last few symbols, so some of its units correlate with detectors. A unit
 * gets a label only if its correlation is clearly higher than that of any unit of the same network before training, and only on a text that
 * is long enough to tell.
 */
import { TurnTaker } from '../util/event-loop.ts';
import { DETECTORS, type Detector } from './detectors.ts';
import type { UnitPart, UnitStates } from './unit-states.ts';

/** A label needs a correlation above this, */
const LEAST_CORRELATION = 0.3;
/** and above this times the highest one of the untrained network with the same detector. */
const TWIN_FACTOR = 1.2;
/**
 * Of fewer symbols, no unit gets a label: the correlations of some thousand pairs of a unit and a detector are then high by chance, and a
 * detector sees only a few lines and quotations.
 */
export const LEAST_SYMBOLS = 500;
/** How many other detectors to name. */
const OTHERS = 2;

/** A detector and its correlation with a unit, Pearson's r. */
export interface Correlation {
  readonly label: string;
  readonly r: number;
}

export interface UnitLabel {
  /** Layer and unit are numbered from 1. */
  readonly layer: number;
  readonly unit: number;
  /** Undefined if no correlation is clearly higher than in the untrained network, or if the text has fewer than 500 symbols. */
  readonly label: string | undefined;
  /** The correlation with `label` or, without a label, the highest one; negative if the unit is low where the detector is high. */
  readonly r: number;
  /** The highest |r| of the untrained network's units with the same detector; 0 if there was no untrained network to compare with. */
  readonly untrained: number;
  /** The detectors with the next highest |r|. */
  readonly next: readonly Correlation[];
}

export interface LabelInput {
  /** Default: all that are recorded. */
  readonly layers?: readonly number[] | undefined;
  /** Default: `DETECTORS`. */
  readonly detectors?: Readonly<Record<string, Detector>> | undefined;
  /** Default: h. */
  readonly part?: UnitPart | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Labels all units of the layers.
 *
 * @param twin The states of the untrained network on the same text. Without them, every correlation above 0.3 on a text of at least 500
 *   symbols gives a label.
 * @returns the units with labels first, by descending |r|
 */
export async function labelUnits(
  states: UnitStates,
  twin: UnitStates | undefined,
  { layers = states.layers, detectors = DETECTORS, part = 'h', signal }: LabelInput = {},
): Promise<UnitLabel[]> {
  const columns = Object.entries(detectors).flatMap(([name, detector]) => {
    const values = standardized(detector(states.symbols));
    return values ? [{ name, values }] : [];
  });
  const turns = new TurnTaker();
  const own = new Map<number, Float64Array[]>();
  const untrained = columns.map(() => 0);
  for (const layer of layers) {
    const correlations: Float64Array[] = [];
    const trained = new LayerCorrelation(states, layer, part);
    const initial = twin && new LayerCorrelation(twin, layer, part);
    for (const [index, { values }] of columns.entries()) {
      signal?.throwIfAborted();
      correlations.push(trained.with(values));
      for (const r of initial?.with(values) ?? [])
        untrained[index] = Math.max(untrained[index] as number, Math.abs(r));
      await turns.take();
    }
    own.set(layer, correlations);
  }
  const labels: UnitLabel[] = [];
  for (const [layer, correlations] of own)
    for (let u = 0; u < states.units; u++) {
      const ranked = columns
        .map(({ name }, index) => ({ name, index, r: correlations[index]?.[u] ?? 0 }))
        .sort((a, b) => Math.abs(b.r) - Math.abs(a.r));
      const clear = ranked.find(
        ({ r, index }) =>
          states.length >= LEAST_SYMBOLS &&
          Math.abs(r) > LEAST_CORRELATION &&
          Math.abs(r) > TWIN_FACTOR * (untrained[index] as number),
      );
      const shown = clear ?? ranked[0];
      labels.push({
        ...{ layer, unit: u + 1, label: clear?.name, r: shown?.r ?? 0 },
        untrained: shown ? (untrained[shown.index] as number) : 0,
        next: ranked
          .filter((one) => one !== shown)
          .slice(0, OTHERS)
          .map(({ name, r }) => ({ label: name, r })),
      });
    }
  return labels.sort(
    (a, b) => Number(b.label !== undefined) - Number(a.label !== undefined) || Math.abs(b.r) - Math.abs(a.r),
  );
}

/** Correlates the units of a layer with detectors. */
class LayerCorrelation {
  readonly #values: Float32Array;
  readonly #units: number;
  /** For each unit, 1 / (standard deviation · √T); 0 for a unit that does not change. */
  readonly #scales: Float64Array;

  constructor(states: UnitStates, layer: number, part: UnitPart) {
    const { units, length: T } = states;
    this.#values = states.matrix(layer, part);
    this.#units = units;
    const sums = new Float64Array(units);
    const squares = new Float64Array(units);
    for (let at = 0; at < this.#values.length; )
      for (let u = 0; u < units; u++, at++) {
        const value = this.#values[at] as number;
        sums[u] = (sums[u] as number) + value;
        squares[u] = (squares[u] as number) + value * value;
      }
    this.#scales = squares.map((square, u) => {
      const variance = square / T - ((sums[u] as number) / T) ** 2;
      return variance > 1e-12 ? 1 / Math.sqrt(variance * T) : 0;
    });
  }

  /** Pearson's r of each unit with standardized values, [T]. */
  with(values: Float64Array): Float64Array {
    const units = this.#units;
    const all = this.#values;
    const products = new Float64Array(units);
    const T = values.length;
    // Four positions at once need a quarter of the stores, which takes half the time.
    const whole = T - (T % 4);
    for (let t = 0; t < whole; t += 4) {
      const w0 = values[t] as number;
      const w1 = values[t + 1] as number;
      const w2 = values[t + 2] as number;
      const w3 = values[t + 3] as number;
      for (let u = 0, at = t * units; u < units; u++, at++)
        products[u] =
          (products[u] as number) +
          w0 * (all[at] as number) +
          w1 * (all[at + units] as number) +
          w2 * (all[at + 2 * units] as number) +
          w3 * (all[at + 3 * units] as number);
    }
    for (let t = whole; t < T; t++)
      for (let u = 0; u < units; u++)
        products[u] = (products[u] as number) + (values[t] as number) * (all[t * units + u] as number);
    return products.map((product, u) => product * (this.#scales[u] as number));
  }
}

/** With mean 0 and length 1; undefined for a detector that does not change. */
export function standardized(values: Float32Array): Float64Array | undefined {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  const length = Math.sqrt(squares);
  if (length <= 1e-6) return undefined;
  const standard = new Float64Array(values.length);
  for (let t = 0; t < standard.length; t++) standard[t] = ((values[t] as number) - mean) / length;
  return standard;
}
