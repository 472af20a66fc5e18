/** When things happen in a run: its end, evaluations, the learning rate. Iterations count from 1. */
import type { TrainingOptions } from '../options.ts';

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
  /** The learning rate from a place in the run on. */
  learningRateFrom(start: RateStart): RateAt;
}

/** An iteration and the learning rate after it: the start of a run, a checkpoint, or a state that recovery goes back to. */
export interface RateStart {
  readonly iteration: number;
  readonly learningRate: number;
}

/** The learning rate of the update that follows an iteration: a pure function, from the iteration of its start on. */
export type RateAt = (iteration: number) => number;

/** What a schedule of the learning rate may depend on besides the options. */
type Timing = Pick<Schedule, 'epochLength' | 'positionAt'>;

/**
 * The schedules of the learning rate, each scaled to the rate of its start. That rate is what checkpoints hold: whatever has lowered it
 * before, recovery from an explosion or another option of a resumed run, it goes on from there without a bit of difference.
 *
 * Rates decide bits, so they are made of the four basic operations: Math.cos and Math.pow differ between engines of JavaScript.
 */
const LEARNING_RATE_SCHEDULES = {
  /** The original's: times `learningRateDecay` at the end of each epoch, from epoch `learningRateDecayAfter` on. */
  decay(
    { learningRateDecay, learningRateDecayAfter }: TrainingOptions,
    { epochLength, positionAt }: Timing,
    { iteration: start, learningRate }: RateStart,
  ): RateAt {
    const firstEpoch = Math.max(1, learningRateDecayAfter);
    const decaysAt = (iteration: number) =>
      learningRateDecay < 1
        ? Math.max(0, Math.floor(positionAt(iteration) / epochLength) - firstEpoch + 1)
        : 0;
    const before = decaysAt(start);
    /** By the number of decays since the start. Each is a product with the one before: a power would have other bits. */
    const rates = [learningRate];
    return (iteration) => {
      const decays = decaysAt(iteration) - before;
      while (rates.length <= decays) rates.push((rates.at(-1) as number) * learningRateDecay);
      return rates[decays] as number;
    };
  },
} satisfies Record<string, (options: TrainingOptions, timing: Timing, start: RateStart) => RateAt>;

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
    learningRateFrom: (start) => LEARNING_RATE_SCHEDULES.decay(options, { epochLength, positionAt }, start),
  };
}
