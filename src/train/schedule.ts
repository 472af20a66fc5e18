/** When things happen in a run: its end, evaluations, the decay of the learning rate. Iterations count from 1. */
import type { TrainingOptions } from './options.ts';

export interface Schedule {
  /** The iteration that the run ends with. */
  readonly last: number;
  /** Iterations in an epoch. */
  readonly epochLength: number;
  /** Batches of the present shape from the start of the first epoch to the place in the text after an iteration. */
  positionAt(iteration: number): number;
  /** Passes through the text up to and with an iteration. */
  epochAt(iteration: number): number;
  /** Whether the validation loss is measured after an iteration, and a checkpoint saved. */
  evaluatesAt(iteration: number): boolean;
  /** The learning rate after an iteration, given the one before it. */
  learningRateAfter(iteration: number, rate: number): number;
}

/**
 * The original's schedule, with `maxIterations` as an earlier end.
 *
 * @param epochLength Batches in the training split.
 * @param batchOffset How many batches the place in the text is ahead of the iteration count, after a resume with another shape.
 */
export function makeSchedule(options: TrainingOptions, epochLength: number, batchOffset = 0): Schedule {
  const all = Math.max(1, Math.floor(options.maxEpochs * epochLength));
  const positionAt = (iteration: number) => iteration + batchOffset;
  const epochAt = (iteration: number) => positionAt(iteration) / epochLength;
  return {
    last: Math.min(all - batchOffset, options.maxIterations ?? Number.POSITIVE_INFINITY),
    epochLength,
    positionAt,
    epochAt,
    evaluatesAt: (iteration) => iteration % options.evaluateEvery === 0 || positionAt(iteration) === all,
    learningRateAfter(iteration, rate) {
      const decays =
        positionAt(iteration) % epochLength === 0 &&
        options.learningRateDecay < 1 &&
        epochAt(iteration) >= options.learningRateDecayAfter;
      return decays ? rate * options.learningRateDecay : rate;
    },
  };
}
