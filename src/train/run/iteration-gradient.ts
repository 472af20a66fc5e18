/** The gradient of one iteration: that of its batch, or with `accumulate` the mean gradient of several batches. */

import type { BatchSource } from '../../data/batches/batches.ts';
import type { Engine, Vector } from '../../engine/engine.ts';
import type { Network, NetworkState } from '../../model/network.ts';
import type { Regularization } from '../../model/regularization.ts';
import { handled } from '../../util/handled.ts';
import { regularizationOf, type TrainingOptions } from '../options.ts';
import type { Schedule } from './schedule.ts';
import { withStateResets } from './state-resets.ts';

export interface IterationGradientInput {
  readonly engine: Engine;
  readonly network: Network;
  readonly batches: BatchSource;
  readonly schedule: Schedule;
  readonly options: TrainingOptions;
}

export class IterationGradient {
  readonly #input: IterationGradientInput;
  readonly #regularization: Regularization;
  readonly #gradient: Vector;
  /** The mean gradient of several batches, weighted by their lengths; undefined if each batch makes an update. */
  readonly #meanGradient: Vector | undefined;

  constructor(input: IterationGradientInput) {
    const { engine, network, options } = input;
    this.#input = input;
    this.#regularization = regularizationOf(options);
    this.#gradient = engine.vector(network.layout);
    if (options.accumulate > 1) this.#meanGradient = engine.vector(network.layout);
  }

  /**
   * Enqueues the forward and backward passes of an iteration.
   *
   * The gradient is that of the mean loss per step, times `sequenceLength`, so that its norm does not depend on the lengths of the batches.
   *
   * @param carried The state at the start of the first batch; receives the state after the last.
   * @returns the gradient, the steps of all batches, and the sum of the losses of all but the last, whose loss is in `network.loss`
   */
  async enqueue(
    iteration: number,
    weights: Vector,
    carried: NetworkState,
  ): Promise<{ gradient: Vector; steps: number; earlierLosses: Promise<number> }> {
    const { engine, network, batches, schedule, options } = this.#input;
    const { accumulate, batchSize, sequenceLength, seed, stateReset } = options;
    const first = schedule.positionAt(iteration - 1);
    const losses: Promise<number>[] = [];
    let steps = 0;
    for (let number = 0; number < accumulate; number++) {
      const position = first + number;
      const epoch = Math.floor(position / batches.count);
      const batch = await batches.batch(position % batches.count, epoch);
      // Dropout and state resets are hashes of these two numbers, which a resumed run gets from its checkpoint. The second counts
      // batches, so each batch of an iteration has its own masks.
      const pass = { seed, batch: (iteration - 1) * accumulate + number + 1 };
      const withResets = withStateResets(batch, batchSize, { probability: stateReset, ...pass });
      if (number > 0) losses.push(handled(this.lossOfBatch()));
      const batchSteps = batch.inputs.length / batchSize;
      steps += batchSteps;
      const regularization = { ...this.#regularization, ...pass };
      const scale = sequenceLength / batchSteps;
      network.lossAndGradient(weights, this.#gradient, withResets, carried, regularization, scale);
      if (!this.#meanGradient) continue;
      // A running mean. The first batch is copied, because the mean may hold numbers that are not finite.
      if (number === 0) engine.copy(this.#gradient, this.#meanGradient);
      else engine.average(this.#gradient, this.#meanGradient, batchSteps / steps);
    }
    const earlierLosses = handled(
      Promise.all(losses).then((all) => all.reduce((sum, loss) => sum + loss, 0)),
    );
    return { gradient: this.#meanGradient ?? this.#gradient, steps, earlierLosses };
  }

  /** The sum of the losses of the last batch, in nats. */
  async lossOfBatch(): Promise<number> {
    const { engine, network } = this.#input;
    const [total] = await engine.read(network.loss, { offset: 0, count: 1 });
    return total as number;
  }
}
