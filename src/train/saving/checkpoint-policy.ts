/**
 * When a run saves between evaluations (`SaveSchedule`), and which of its checkpoints it deletes (`KeptCheckpoints.takeSurplus`).
 *
 * `train/loop.ts` decides about the other saves: one follows every evaluation, at the interval in `Schedule.evaluatesAt`
 * (`train/run/schedule.ts`), and one ends the run.
 */

const MINUTE = 60_000;

/** When a checkpoint is due between evaluations: `checkpointEvery`. */
export class SaveSchedule {
  readonly #iterations: number | undefined;
  readonly #milliseconds: number | undefined;
  #last = performance.now();

  /** @param every `100`: iterations; `10m`: minutes. Default: never. */
  constructor(every: string | undefined) {
    if (every?.endsWith('m')) this.#milliseconds = Number(every.slice(0, -1)) * MINUTE;
    else if (every !== undefined) this.#iterations = Number(every);
  }

  /** Whether a checkpoint is due after an iteration. */
  due(iteration: number): boolean {
    if (this.#iterations !== undefined) return iteration % this.#iterations === 0;
    return this.#milliseconds !== undefined && performance.now() - this.#last >= this.#milliseconds;
  }

  /** Call this after every checkpoint, for whatever reason it was saved: minutes count from here. */
  saved(): void {
    this.#last = performance.now();
  }
}

export interface KeptCheckpoint {
  readonly path: string;
  readonly iteration: number;
  /** In nats; undefined if none was measured. */
  readonly validationLoss: number | undefined;
}

/** Without `--keep`: how many checkpoints without a validation loss are kept. */
const KEPT_WITHOUT_LOSS = 2;

/** The checkpoints that the run keeps: `--keep`. */
export class KeptCheckpoints {
  /** `--keep`: how many of the newest are kept. Default: all with a validation loss, and the newest two without one. */
  readonly #keep: number | undefined;
  /** The existing checkpoints, the newest last. */
  #all: readonly KeptCheckpoint[];
  /**
   * Checkpoints of iterations that the run discarded when it returned to an earlier state. The same rule applies to them, but none can be
   * the best.
   */
  readonly #discarded = new Set<KeptCheckpoint>();

  /** @param earlier The checkpoints from before the run was resumed, the newest last. */
  constructor(keep: number | undefined, earlier: readonly KeptCheckpoint[] = []) {
    this.#keep = keep;
    this.#all = earlier;
  }

  /** The checkpoint with the lowest validation loss; the earliest of several. */
  get best(): KeptCheckpoint | undefined {
    return this.#all.reduce<KeptCheckpoint | undefined>(
      (best, one) =>
        one.validationLoss !== undefined &&
        !this.#discarded.has(one) &&
        !(one.validationLoss >= (best?.validationLoss ?? Number.POSITIVE_INFINITY))
          ? one
          : best,
      undefined,
    );
  }

  /** Adds the newest checkpoint. It replaces an earlier one with the same path. */
  add(checkpoint: KeptCheckpoint): void {
    this.#all = [...this.#all.filter(({ path }) => path !== checkpoint.path), checkpoint];
  }

  /** Removes a checkpoint whose file somebody has deleted. */
  forget(checkpoint: KeptCheckpoint): void {
    this.#all = this.#all.filter((one) => one !== checkpoint);
  }

  /** Marks the checkpoints after the iteration to which the run returns: they no longer belong to it. */
  goBack(iteration: number): void {
    for (const one of this.#all) if (one.iteration > iteration) this.#discarded.add(one);
  }

  /** Removes and returns the checkpoints to delete: the oldest beyond the number to keep, but never the best or the newest. */
  takeSurplus(): readonly KeptCheckpoint[] {
    const { best } = this;
    const counted = this.#all.filter((one) => this.#keep !== undefined || one.validationLoss === undefined);
    const surplus = new Set(
      counted.slice(0, -(this.#keep ?? KEPT_WITHOUT_LOSS)).filter((one) => one !== best),
    );
    this.#all = this.#all.filter((one) => !surplus.has(one));
    return [...surplus];
  }
}
