/** The losses of a run by iteration, with their lowest values. */
import type { LossRecord } from '../../checkpoint/checkpoint.ts';

/** Losses per mean. */
const BLOCK_LOSSES = 100;

export class LossHistory {
  readonly #iterations: number[] = [];
  readonly #values: number[] = [];
  #lowest = Number.POSITIVE_INFINITY;
  #sinceLowest = 0;
  #blockSum = 0;
  #lowestMean = Number.POSITIVE_INFINITY;

  /** Adds a loss, in nats. Returns whether it is the lowest so far. */
  add(iteration: number, loss: number): boolean {
    this.#iterations.push(iteration);
    this.#values.push(loss);
    this.#addToBlock(loss);
    this.#sinceLowest++;
    if (!(loss < this.#lowest)) return false;
    this.#lowest = loss;
    this.#sinceLowest = 0;
    return true;
  }

  /** A history with the losses of a record. */
  static from({ iterations, values }: LossRecord): LossHistory {
    const history = new LossHistory();
    for (const [index, iteration] of iterations.entries()) history.add(iteration, values[index] as number);
    return history;
  }

  /** The loss at an iteration, if there is one. */
  at(iteration: number): number | undefined {
    return this.#values[this.#iterations.lastIndexOf(iteration)];
  }

  /** The history as it was after an iteration. */
  upTo(iteration: number): LossHistory {
    const history = new LossHistory();
    for (const [index, at] of this.#iterations.entries()) {
      if (at > iteration) break;
      history.add(at, this.#values[index] as number);
    }
    return history;
  }

  /** The iteration of the last loss. */
  get lastIteration(): number | undefined {
    return this.#iterations.at(-1);
  }

  /** The number of losses since the lowest one. */
  get sinceLowest(): number {
    return this.#sinceLowest;
  }

  get lowest(): number | undefined {
    return this.#values.length > 0 ? this.#lowest : undefined;
  }

  get first(): number | undefined {
    return this.#values[0];
  }

  /** The lowest mean over a block of a hundred losses. Before the first block is full, the first loss. */
  get lowestMean(): number | undefined {
    return Number.isFinite(this.#lowestMean) ? this.#lowestMean : this.first;
  }

  toRecord(): LossRecord {
    return { iterations: Int32Array.from(this.#iterations), values: Float64Array.from(this.#values) };
  }

  #addToBlock(loss: number): void {
    this.#blockSum += loss;
    if (this.#values.length % BLOCK_LOSSES !== 0) return;
    this.#lowestMean = Math.min(this.#lowestMean, this.#blockSum / BLOCK_LOSSES);
    this.#blockSum = 0;
  }
}
