/** Losses by iteration, as they grow. */
import type { LossRecord } from '../formats/checkpoint.ts';

export class LossHistory {
  readonly #iterations: number[] = [];
  readonly #values: number[] = [];
  #lowest = Number.POSITIVE_INFINITY;
  #sinceLowest = 0;

  /** Adds a loss, in nats; true when it is the lowest so far. */
  add(iteration: number, loss: number): boolean {
    this.#iterations.push(iteration);
    this.#values.push(loss);
    this.#sinceLowest++;
    if (!(loss < this.#lowest)) return false;
    this.#lowest = loss;
    this.#sinceLowest = 0;
    return true;
  }

  /** A history that goes on from a record. */
  static from({ iterations, values }: LossRecord): LossHistory {
    const history = new LossHistory();
    for (const [index, iteration] of iterations.entries()) history.add(iteration, values[index] as number);
    return history;
  }

  /** The loss at an iteration, if one was added. */
  at(iteration: number): number | undefined {
    return this.#values[this.#iterations.lastIndexOf(iteration)];
  }

  /** Losses since the lowest one. */
  get sinceLowest(): number {
    return this.#sinceLowest;
  }

  get first(): number | undefined {
    return this.#values[0];
  }

  toRecord(): LossRecord {
    return { iterations: Int32Array.from(this.#iterations), values: Float64Array.from(this.#values) };
  }
}
