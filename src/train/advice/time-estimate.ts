/**
 * Estimates when a run ends, as a range that holds for about eight of ten runs, also on a machine that other programs use.
 *
 * The best estimate assumes that iterations go on taking their mean time. The range depends on how much their times have varied: at best, all
 * iterations are a little faster than the fastest were; at worst, they slow down by a factor that grows with the variation and with the time to
 * go. The constants fit the logs of runs of 20 seconds to 9 minutes on a machine with 2 cores, on which up to ten other programs computed.
 */
import type { IterationEvent, StartedEvent, TimedEvent } from '../events.ts';
import { TimeBlocks, type TimeStatistics } from './time-blocks.ts';

/** Iterations before the first estimate, or fewer if they take longer than this many milliseconds. */
const FIRST_ITERATIONS = 10;
const MAX_FIRST_MILLISECONDS = 3000;
/** The second estimate comes this many milliseconds after the first iteration. */
const SECOND_MILLISECONDS = 10_000;
/** There are no corrections if less than this many milliseconds are left. */
const MIN_CORRECTED_MILLISECONDS = 10_000;
/** A range that the estimate has not left is replaced if another is narrower by this factor. */
const MIN_NARROWING = 3;

/** The earliest end: iterations take BEST_FRACTION − deviation of the time of the fastest block, but at least MIN_BEST_FRACTION. */
const BEST_FRACTION = 0.9;
const MIN_BEST_FRACTION = 0.6;
/** The latest end: iterations take e^(MARGIN + SLOPE·deviation·(1 + GROWTH·log₂(rest/elapsed))) times their mean time, at most MAX_SLOWDOWN. */
const MARGIN = 0.12;
const SLOPE = 2;
const GROWTH = 0.15;
const MAX_SLOWDOWN = 4;
/** The relative deviation of blocks if there is only one. */
const ASSUMED_DEVIATION = 0.15;
/** The time of a batch in an evaluation, as a fraction of an iteration's, until one was measured: it has no backward pass. */
const ASSUMED_EVALUATION = 0.4;

interface Range {
  readonly min: number;
  readonly max: number;
}

export class TimeEstimator {
  readonly #batches: StartedEvent['batches'];
  readonly #accumulate: number;
  readonly #evaluateEvery: number;
  readonly #maxIterations: number | undefined;
  readonly #now: () => number;
  readonly #blocks = new TimeBlocks();
  /** When the first iteration ended, and the newest. */
  #first: number | undefined;
  #newest = 0;
  #count = 0;
  /** The time of evaluations so far, with samples and checkpoints. */
  #pauses = { milliseconds: 0, count: 0 };
  #estimates = 0;
  /** The last estimate: when the run ends. */
  #end: Range | undefined;

  /** @param now The time in milliseconds. */
  constructor(
    { batches, options: { accumulate, evaluateEvery, maxIterations } }: StartedEvent,
    now: () => number = () => performance.now(),
  ) {
    this.#batches = batches;
    this.#accumulate = accumulate;
    this.#evaluateEvery = evaluateEvery;
    this.#maxIterations = maxIterations;
    this.#now = now;
  }

  /**
   * Adds the time of an iteration, and returns an estimate if there is a new one. The first iteration is slower than others: it counts
   * only while it is the only one.
   */
  after(event: IterationEvent): TimedEvent | undefined {
    const now = this.#now();
    this.#count++;
    if (this.#first === undefined) {
      this.#first = now;
      this.#newest = now;
      if (event.milliseconds < MAX_FIRST_MILLISECONDS) return undefined;
      return this.#estimate(
        { mean: event.milliseconds, fastest: event.milliseconds, deviation: undefined },
        event,
        now,
      );
    }
    this.#blocks.add(event.milliseconds);
    if (event.iteration % this.#evaluateEvery === 0) {
      this.#pauses.milliseconds += Math.max(0, now - this.#newest - event.milliseconds);
      this.#pauses.count++;
    }
    this.#newest = now;
    const statistics = this.#blocks.statistics;
    return statistics && this.#isDue(statistics, event, now)
      ? this.#estimate(statistics, event, now)
      : undefined;
  }

  #isDue(statistics: TimeStatistics, event: IterationEvent, now: number): boolean {
    const elapsed = now - (this.#first ?? now);
    if (!this.#end) return this.#count > FIRST_ITERATIONS || elapsed >= MAX_FIRST_MILLISECONDS;
    if (elapsed < SECOND_MILLISECONDS) return false;
    if (this.#estimates < 2) return true;
    const rest = this.#rest(statistics, event);
    if (rest < MIN_CORRECTED_MILLISECONDS) return false;
    const end = now + rest;
    if (end < this.#end.min || end > this.#end.max) return true;
    const { min, max } = this.#range(statistics, rest, elapsed);
    return MIN_NARROWING * (max - min) < this.#end.max - Math.max(this.#end.min, now);
  }

  #estimate(statistics: TimeStatistics, event: IterationEvent, now: number): TimedEvent {
    const rest = this.#rest(statistics, event);
    const { min, max } = this.#range(statistics, rest, now - (this.#first ?? now));
    this.#estimates = now - (this.#first ?? now) < SECOND_MILLISECONDS ? 1 : 2;
    this.#end = { min: now + min, max: now + max };
    return {
      type: 'timed',
      milliseconds: statistics.mean,
      epochMilliseconds: (statistics.mean * this.#batches.train) / this.#accumulate,
      restMilliseconds: rest,
      minRestMilliseconds: min,
      maxRestMilliseconds: max,
    };
  }

  /** The best estimate of the milliseconds to the end. */
  #rest({ mean }: TimeStatistics, { iteration, iterations }: IterationEvent): number {
    const { milliseconds, count } = this.#pauses;
    const pause = count > 0 ? milliseconds / count : ASSUMED_EVALUATION * mean * this.#batches.validation;
    const every = this.#evaluateEvery;
    // One follows the last epoch, but not the last of `maxIterations`.
    const isOneMore = iterations % every !== 0 && iterations !== this.#maxIterations;
    const evaluations = Math.floor(iterations / every) - Math.floor(iteration / every) + (isOneMore ? 1 : 0);
    return mean * (iterations - iteration) + pause * evaluations;
  }

  #range(
    { mean, fastest, deviation = ASSUMED_DEVIATION }: TimeStatistics,
    rest: number,
    elapsed: number,
  ): Range {
    const best = Math.max(MIN_BEST_FRACTION, BEST_FRACTION - deviation) * (fastest / mean);
    const growth = 1 + GROWTH * Math.max(0, Math.log2(rest / Math.max(elapsed, 1)));
    const worst = Math.min(MAX_SLOWDOWN, Math.exp(MARGIN + SLOPE * deviation * growth));
    return { min: rest * best, max: rest * worst };
  }
}
