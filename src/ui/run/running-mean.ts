/**
 * The running mean of a curve: m_t = β·m_{t−1} + (1 − β)·v_t with m_0 = 0, divided by 1 − β^t, the sum of the weights so far. Without the
 * division, the first values would be drawn towards 0 (Kingma and Ba 2015, section 3).
 *
 * Values that are not finite are skipped; their means are NaN.
 */
export class RunningMean {
  readonly #weight: number;
  #mean = 0;
  #weights = 0;

  /** @param weight β, from 0, which smoothes nothing, to below 1. */
  constructor(weight: number) {
    this.#weight = weight;
  }

  /** @returns the mean at the next value */
  add(value: number): number {
    if (!Number.isFinite(value)) return Number.NaN;
    this.#mean = this.#weight * this.#mean + (1 - this.#weight) * value;
    this.#weights = this.#weight * this.#weights + (1 - this.#weight);
    return this.#mean / this.#weights;
  }
}

/** The means at all values. */
export function runningMean(values: Float32Array, weight: number): Float32Array {
  const mean = new RunningMean(weight);
  return values.map((value) => mean.add(value));
}
