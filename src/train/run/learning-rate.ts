/**
 * The learning rate of each update.
 *
 * The rates determine the bits of the parameters, so only the four basic operations and square roots compute them: the results of Math.cos and
 * Math.pow differ between JavaScript engines.
 *
 * `run-state.ts` stores the rate in a checkpoint and restores it. `training-run.ts` scales it to the length of the batches.
 */
import { cosineOfPi } from '../../util/cosine.ts';
import type { TrainingOptions } from '../options.ts';

/**
 * An iteration and the learning rate that a state after it holds: the start of a run, a checkpoint, or a state to which recovery
 * returns.
 */
export interface RateStart {
  readonly iteration: number;
  readonly learningRate: number;
}

/** The learning rates of a run, from a start on. Functions of the iteration alone, defined from the start's iteration on. */
export interface LearningRates {
  /** The rate of the update that follows an iteration. */
  at(iteration: number): number;
  /**
   * The rate that a state after an iteration stores, from which a run continues: with the original's schedule, the rate of the next update;
   * with others, the peak. A resumed run has the rates of an uninterrupted one to the last bit, even if an explosion has halved them.
   */
  heldAt(iteration: number): number;
}

/** What a schedule knows of a run. */
export interface Timing {
  /** Batches in an epoch. */
  readonly epochLength: number;
  /** The position in the training text after an iteration, in batches. */
  positionAt(iteration: number): number;
  /** The position at the end of the run. */
  readonly end: number;
}

/** The share of a run in which `wsd` lowers the rate. */
const WSD_DECAY = 0.2;

/**
 * The factor on the peak rate, by progress: from 0 at the end of the warm-up to 1 at the end of the run. A new shape also needs its name in
 * `schedule` of `../options.ts`.
 */
const SHAPES = {
  constant: () => 1,
  /** Loshchilov & Hutter 2017, without restarts. */
  cosine: (progress) => (1 + cosineOfPi(progress)) / 2,
  linear: (progress) => 1 - progress,
  /** Warm-up, stable, decay: constant, then 1 − √ to zero (Hägele et al. 2024). */
  wsd(progress) {
    const decayed = (progress - (1 - WSD_DECAY)) / WSD_DECAY;
    return decayed <= 0 ? 1 : 1 - Math.sqrt(decayed);
  },
} as const satisfies Record<Exclude<TrainingOptions['schedule'], 'original'>, (progress: number) => number>;

/** The learning rates of a run from a start on. */
export function learningRates(options: TrainingOptions, timing: Timing, start: RateStart): LearningRates {
  const { schedule, warmup } = options;
  const { positionAt, end } = timing;
  const warmupEnd = warmup * end;
  /** Rises to 1 in equal steps; the first update already has a rate. */
  const warming = (iteration: number) =>
    warmup === 0 ? 1 : Math.min(1, positionAt(iteration + 1) / warmupEnd);
  if (schedule === 'original') {
    const heldAt = originalRates(options, timing, start);
    return { heldAt, at: (iteration) => heldAt(iteration) * warming(iteration) };
  }
  const shape = SHAPES[schedule];
  const progress = (iteration: number) =>
    Math.min(1, Math.max(0, (positionAt(iteration) - warmupEnd) / (end - warmupEnd)));
  return {
    heldAt: () => start.learningRate,
    at: (iteration) => start.learningRate * shape(progress(iteration)) * warming(iteration),
  };
}

/** The original's schedule: multiplies by `learningRateDecay` at the end of each epoch, from epoch `learningRateDecayAfter` on. */
function originalRates(
  { learningRateDecay, learningRateDecayAfter }: TrainingOptions,
  { epochLength, positionAt }: Timing,
  { iteration: start, learningRate }: RateStart,
): (iteration: number) => number {
  const firstEpoch = Math.max(1, learningRateDecayAfter);
  const decaysAt = (iteration: number) =>
    learningRateDecay < 1 ? Math.max(0, Math.floor(positionAt(iteration) / epochLength) - firstEpoch + 1) : 0;
  const before = decaysAt(start);
  /** By the number of decays since the start. Each is the previous one times the decay, because a power would have other bits. */
  const rates = [learningRate];
  return (iteration) => {
    const decays = decaysAt(iteration) - before;
    while (rates.length <= decays) rates.push((rates.at(-1) as number) * learningRateDecay);
    return rates[decays] as number;
  };
}
