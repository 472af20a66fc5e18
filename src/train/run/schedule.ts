/** When things happen in a run: its end, evaluations, the learning rate. Iterations count from 1. */
import type { TrainingOptions } from '../options.ts';

export interface Schedule {
  /** The iteration that the run ends with. */
  readonly last: number;
  /** Iterations in an epoch. */
  readonly epochLength: number;
  /** The position in the training text after an iteration, in batches of the current shape since the start of the first epoch. */
  positionAt(iteration: number): number;
  /** Passes through the training text after an iteration; 0.5 is half a pass. */
  epochAt(iteration: number): number;
  /** Whether an evaluation, with a checkpoint, follows an iteration. */
  evaluatesAt(iteration: number): boolean;
  /** The learning rate by iteration, from a point in the run on. */
  learningRateFrom(start: RateStart): RateAt;
}

/** An iteration and the learning rate after it: the start of a run, a checkpoint, or a state that recovery goes back to. */
export interface RateStart {
  readonly iteration: number;
  readonly learningRate: number;
}

/** The learning rate of the update that follows an iteration: a pure function, defined from the start's iteration on. */
export type RateAt = (iteration: number) => number;

/** What a learning-rate schedule may use besides the options. */
type Timing = Pick<Schedule, 'epochLength' | 'positionAt'>;

/**
 * The learning-rate schedules. Each starts from a given rate, which checkpoints store. So a resumed run has the same rates, to the last bit, as
 * an uninterrupted one, even after an explosion or a changed option has lowered the rate.
 *
 * The rates determine the bits of the parameters, so only the four basic operations compute them: the results of Math.cos and Math.pow differ
 * between JavaScript engines.
 */
const LEARNING_RATE_SCHEDULES = {
  /** The original's schedule: multiplies by `learningRateDecay` at the end of each epoch, from epoch `learningRateDecayAfter` on. */
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
    /** By the number of decays since the start. Each is the previous one times the decay, because a power would have other bits. */
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
 * @param batchOffset How many batches the position in the text is ahead of the iteration, after a resume with another shape.
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
