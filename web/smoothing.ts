/** Smoothing of a curve while it grows. */

/** An exponential moving average without the bias of its start: dividing by 1 − decayⁿ, as Adam does. */
export class Smoother {
  readonly #decay: number;
  #sum = 0;
  #weight = 0;

  /** @param decay From 0, which smoothes nothing, to below 1. */
  constructor(decay: number) {
    this.#decay = decay;
  }

  /** @returns the average after a value; a value that is not finite leaves it as it was */
  add(value: number): number {
    if (Number.isFinite(value)) {
      this.#sum = this.#decay * this.#sum + (1 - this.#decay) * value;
      this.#weight = this.#decay * this.#weight + (1 - this.#decay);
    }
    return this.#weight === 0 ? Number.NaN : this.#sum / this.#weight;
  }
}
