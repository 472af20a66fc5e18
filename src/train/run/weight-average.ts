/**
 * A running average of the weights, kept on the engine beside them. It often generalizes better than the weights of any one update.
 *
 * `ema`: average += (weights − average)·max(1 − decay, 1/t) after update t, so that it begins as the plain mean and the initial weights do
 * not count. `triggered`: the plain mean of all weights since the validation loss stopped falling, as in NT-ASGD (Merity et al. 2018,
 * "Regularizing and optimizing LSTM language models").
 */
import type { Engine, FloatArray, Vector } from '../../engine/engine.ts';
import type { Layout } from '../../engine/layout.ts';
import type { TrainingOptions } from '../options.ts';

export class WeightAverage {
  /** The average. Meaningless before it begins. */
  readonly vector: Vector;
  readonly #engine: Engine;
  /** The smallest weight of new weights. */
  readonly #minWeight: number;
  /** The iteration after which the average began. */
  #since: number | undefined;

  constructor(engine: Engine, layout: Layout, options: Pick<TrainingOptions, 'average' | 'averageDecay'>) {
    this.#engine = engine;
    this.vector = engine.vector(layout);
    this.#minWeight = options.average === 'ema' ? 1 - options.averageDecay : 0;
  }

  /** The iteration after which the average began; undefined before it begins. */
  get since(): number | undefined {
    return this.#since;
  }

  /** Begins the average after an iteration. Until the next update it equals the weights. */
  begin(iteration: number, weights: Vector): void {
    this.#since = iteration;
    this.#engine.copy(weights, this.vector);
  }

  /** Sets the average and its beginning, or ends it. */
  restore(since: number | undefined, average: FloatArray): void {
    this.#since = since;
    if (since !== undefined) this.#engine.write(this.vector, average);
  }

  /** Adds the weights after an iteration. An iteration without an update adds the same weights once more. */
  add(iteration: number, weights: Vector): void {
    if (this.#since === undefined) return;
    const count = iteration - this.#since;
    if (count === 1) this.#engine.copy(weights, this.vector);
    else this.#engine.average(weights, this.vector, Math.max(this.#minWeight, 1 / count));
  }
}
