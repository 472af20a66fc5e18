/** When things happen in a run: its end, its epochs, its evaluations, its learning rates. Iterations count from 1. */
import type { TrainingOptions } from '../options.ts';
import { type LearningRates, learningRates, type RateStart } from './learning-rate.ts';

export interface Schedule {
  /** The iteration that the run ends with. */
  readonly last: number;
  /** Batches in an epoch. */
  readonly epochLength: number;
  /** The position in the training text after an iteration, in batches of the current shape since the start of the first epoch. */
  positionAt(iteration: number): number;
  /** Passes through the training text after an iteration; 0.5 is half a pass. */
  epochAt(iteration: number): number;
  /** Whether an evaluation, with a checkpoint, follows an iteration. */
  evaluatesAt(iteration: number): boolean;
  /** The learning rates from a point in the run on. */
  learningRatesFrom(start: RateStart): LearningRates;
}

/**
 * The schedule of a run, with `maxIterations` as an earlier end.
 *
 * @param epochLength Batches in the training split.
 * @param batchOffset How many batches the position in the text is ahead of the iterations' own batches, after a resume with another shape.
 */
export function makeSchedule(options: TrainingOptions, epochLength: number, batchOffset = 0): Schedule {
  const { accumulate } = options;
  const all = Math.max(1, Math.floor(options.maxEpochs * epochLength));
  const lastOfEpochs = Math.ceil((all - batchOffset) / accumulate);
  const last = Math.min(lastOfEpochs, options.maxIterations ?? Number.POSITIVE_INFINITY);
  const positionAt = (iteration: number) => iteration * accumulate + batchOffset;
  const timing = { epochLength, positionAt, end: positionAt(last) };
  return {
    last,
    epochLength,
    positionAt,
    epochAt: (iteration) => positionAt(iteration) / epochLength,
    evaluatesAt: (iteration) => iteration % options.evaluateEvery === 0 || iteration === lastOfEpochs,
    learningRatesFrom: (start) => learningRates(options, timing, start),
  };
}
