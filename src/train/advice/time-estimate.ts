/** Estimates the time of a run from the median of its recent iterations. */
import type { IterationEvent, StartedEvent, TimedEvent } from '../events.ts';

/** Iterations before the first estimate, or fewer if they take longer than this many milliseconds. */
const FIRST_ITERATIONS = 10;
const MAX_FIRST_MILLISECONDS = 3000;
/** An estimate is the median of at most this many iterations. */
const MAX_RECENT = 100;
/** An estimate that is wrong by this factor is corrected. */
const MIN_CORRECTION = 1.33;

export class TimeEstimator {
  readonly #epochLength: number;
  readonly #times: number[] = [];
  #elapsed = 0;
  #count = 0;
  /** The iteration after which the estimate is checked again; it doubles each time. */
  #next = FIRST_ITERATIONS;
  /** The last estimate, in milliseconds per iteration. */
  #estimate: number | undefined;

  constructor({ batches }: StartedEvent) {
    this.#epochLength = batches.train;
  }

  /**
   * Adds the time of an iteration, and returns an estimate if there is a new one. The first iteration is slower than others: it counts
   * only while it is the only one.
   */
  after({ milliseconds, iteration, iterations }: IterationEvent): TimedEvent | undefined {
    this.#times.push(milliseconds);
    if (this.#times.length > MAX_RECENT) this.#times.shift();
    this.#elapsed += milliseconds;
    this.#count++;
    const isSlow = this.#estimate === undefined && this.#elapsed >= MAX_FIRST_MILLISECONDS;
    if (this.#count <= this.#next && !isSlow) return undefined;
    this.#next = Math.max(this.#count, FIRST_ITERATIONS) * 2;
    const later = (this.#count > MAX_RECENT ? [...this.#times] : this.#times.slice(1)).sort((a, b) => a - b);
    const median = later[Math.floor(later.length / 2)] ?? milliseconds;
    if (
      this.#estimate !== undefined &&
      Math.max(median / this.#estimate, this.#estimate / median) < MIN_CORRECTION
    )
      return undefined;
    this.#estimate = median;
    return {
      type: 'timed',
      milliseconds: median,
      epochMilliseconds: median * this.#epochLength,
      restMilliseconds: median * (iterations - iteration),
    };
  }
}
