/** How long a run takes, told from its first iterations. */
import type { IterationEvent, StartedEvent, TimedEvent } from './events.ts';

/** Iterations that are measured, unless they take longer than this many milliseconds. */
const MEASURED = 10;
const PATIENCE = 3000;

export class Stopwatch {
  readonly #epochLength: number;
  readonly #times: number[] = [];
  #elapsed = 0;
  #told = false;

  constructor({ batches }: StartedEvent) {
    this.#epochLength = batches.train;
  }

  /** What can be told after an iteration, once. The first iteration, which is slower, counts only where it is the only one. */
  after({ milliseconds, iteration, iterations }: IterationEvent): TimedEvent | undefined {
    if (this.#told) return undefined;
    this.#times.push(milliseconds);
    this.#elapsed += milliseconds;
    if (this.#times.length <= MEASURED && this.#elapsed < PATIENCE) return undefined;
    this.#told = true;
    const later = this.#times.slice(1).sort((a, b) => a - b);
    const median = later[Math.floor(later.length / 2)] ?? milliseconds;
    return {
      type: 'timed',
      milliseconds: median,
      epochMilliseconds: median * this.#epochLength,
      restMilliseconds: median * (iterations - iteration),
    };
  }
}
