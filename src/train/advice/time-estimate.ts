/** How long a run takes, by the median of its recent iterations. */
import type { IterationEvent, StartedEvent, TimedEvent } from '../events.ts';

/** Iterations until the first estimate, unless they take longer than this many milliseconds. */
const MEASURED = 10;
const PATIENCE = 3000;
/** Iterations that an estimate looks back on. */
const RECENT = 100;
/** An estimate that turns out to be wrong by this factor is corrected. */
const WRONG = 1.33;

export class TimeEstimator {
  readonly #epochLength: number;
  readonly #times: number[] = [];
  #elapsed = 0;
  #count = 0;
  /** Iterations after which it is looked whether the estimate still holds; twice as many each time. */
  #next = MEASURED;
  /** Milliseconds of an iteration, as told. */
  #told: number | undefined;

  constructor({ batches }: StartedEvent) {
    this.#epochLength = batches.train;
  }

  /**
   * The estimate after an iteration, if there is a new one. The first iteration, which is slower, counts only where it is the only one.
   */
  after({ milliseconds, iteration, iterations }: IterationEvent): TimedEvent | undefined {
    this.#times.push(milliseconds);
    if (this.#times.length > RECENT) this.#times.shift();
    this.#elapsed += milliseconds;
    this.#count++;
    const isSlow = this.#told === undefined && this.#elapsed >= PATIENCE;
    if (this.#count <= this.#next && !isSlow) return undefined;
    this.#next = Math.max(this.#count, MEASURED) * 2;
    const later = (this.#count > RECENT ? [...this.#times] : this.#times.slice(1)).sort((a, b) => a - b);
    const median = later[Math.floor(later.length / 2)] ?? milliseconds;
    if (this.#told !== undefined && Math.max(median / this.#told, this.#told / median) < WRONG)
      return undefined;
    this.#told = median;
    return {
      type: 'timed',
      milliseconds: median,
      epochMilliseconds: median * this.#epochLength,
      restMilliseconds: median * (iterations - iteration),
    };
  }
}
