/** When a checkpoint is due without an evaluation: `--checkpoint_every`. */

const MINUTE = 60_000;

export class SaveSchedule {
  readonly #iterations: number | undefined;
  readonly #milliseconds: number | undefined;
  #last = performance.now();

  /** @param every `100`: iterations; `10m`: minutes; absent: never. */
  constructor(every: string | undefined) {
    if (every?.endsWith('m')) this.#milliseconds = Number(every.slice(0, -1)) * MINUTE;
    else if (every !== undefined) this.#iterations = Number(every);
  }

  /** Whether one is due after an iteration. */
  due(iteration: number): boolean {
    if (this.#iterations !== undefined) return iteration % this.#iterations === 0;
    return this.#milliseconds !== undefined && performance.now() - this.#last >= this.#milliseconds;
  }

  /** A checkpoint was saved, for whatever reason: minutes count from here. */
  saved(): void {
    this.#last = performance.now();
  }
}
