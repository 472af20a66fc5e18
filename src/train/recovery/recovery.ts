/** What a run goes back to after an explosion, and how often it may. */
import type { GoodState, StabilityState } from '../../checkpoint/checkpoint.ts';

/** Iterations after which the state is looked at to be kept. */
const KEPT_EVERY = 100;
/** Factor on the learning rate each time that the run goes back. A power of two: the scheduled rates keep their digits. */
const RATE_FACTOR = 0.5;

/**
 * The last good state of a run.
 *
 * It stands in ordinary memory, not in the engine, since every checkpoint that was written after it has to hold it: a run that
 * is resumed must go back to where the unbroken one would have.
 */
export class Recovery {
  /** Iterations without an update, one after the other, up to now. */
  skips: number;
  #retries: number;
  #good: GoodState;

  /**
   * @param now The state that the run begins with.
   * @param stored How the run has fared, where it is resumed.
   */
  constructor(now: GoodState, stored: StabilityState | undefined) {
    this.skips = stored?.skips ?? 0;
    this.#retries = stored?.retries ?? 0;
    this.#good = stored?.good ?? now;
  }

  /** Times that the run has gone back with half the learning rate. */
  get retries(): number {
    return this.#retries;
  }

  get good(): GoodState {
    return this.#good;
  }

  /** Whether the state after an iteration is to be looked at: an iteration later, when its loss is known. */
  considersAfter(iteration: number): boolean {
    return iteration % KEPT_EVERY === 0 && iteration !== this.#good.iteration;
  }

  keep(state: GoodState): void {
    this.#good = state;
  }

  /** The next attempt: the good state, with half the learning rate it was left with the last time. */
  retry(): GoodState {
    this.#retries++;
    this.#good = { ...this.#good, learningRate: this.#good.learningRate * RATE_FACTOR };
    return this.#good;
  }

  /** For a checkpoint of the run as it is after an iteration. */
  toRecord(iteration: number): StabilityState {
    const { skips, retries } = this;
    return { skips, retries, ...(this.#good.iteration !== iteration && { good: this.#good }) };
  }
}
