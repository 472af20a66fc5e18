/** The state to which a run returns after an explosion, and its counts of skips and retries. */
import type { GoodState, StabilityState } from '../../checkpoint/checkpoint.ts';

/** Iterations between the states that may be kept. */
const KEEP_INTERVAL = 100;
/**
 * Factor on the learning rate each time the run returns to its good state. A power of two, so that the scheduled rates keep their digits.
 */
const RATE_FACTOR = 0.5;

/**
 * The last good state of a run, and how often the run has skipped an update or returned to that state.
 *
 * The state is kept in ordinary memory, not on the engine, because every later checkpoint contains it: a resumed run must return to the
 * same state as an uninterrupted one.
 */
export class Recovery {
  /** Consecutive iterations without an update, up to now. */
  skips: number;
  #retries: number;
  #good: GoodState;

  /**
   * @param now The state that the run begins with.
   * @param stored The record in the checkpoint of a resumed run.
   */
  constructor(now: GoodState, stored: StabilityState | undefined) {
    this.skips = stored?.skips ?? 0;
    this.#retries = stored?.retries ?? 0;
    this.#good = stored?.good ?? now;
  }

  /** How often the run has returned to its good state and halved the learning rate. */
  get retries(): number {
    return this.#retries;
  }

  get good(): GoodState {
    return this.#good;
  }

  /** Whether the state after an iteration may be kept. The next iteration decides, because it computes the loss of that state. */
  considersAfter(iteration: number): boolean {
    return iteration % KEEP_INTERVAL === 0 && iteration !== this.#good.iteration;
  }

  keep(state: GoodState): void {
    this.#good = state;
  }

  /** Starts the next attempt: from the good state, with half the learning rate of the previous attempt. */
  retry(): GoodState {
    this.#retries++;
    this.#good = { ...this.#good, learningRate: this.#good.learningRate * RATE_FACTOR };
    return this.#good;
  }

  /** The record for a checkpoint after an iteration. */
  toRecord(iteration: number): StabilityState {
    const { skips, retries } = this;
    return { skips, retries, ...(this.#good.iteration !== iteration && { good: this.#good }) };
  }
}
