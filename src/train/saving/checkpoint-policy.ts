/** When a run writes a checkpoint, and which of its checkpoints stay. */

const MINUTE = 60_000;

/** When a checkpoint is due without an evaluation: `checkpointEvery`. */
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

export interface KeptCheckpoint {
  readonly path: string;
  readonly iteration: number;
  /** In nats; undefined where no validation loss was measured. */
  readonly validationLoss: number | undefined;
}

/** Without `--keep`: those without a validation loss that stay. */
const KEPT_WITHOUT_LOSS = 2;

/** Which of the checkpoints that are there stay: `--keep`. */
export class KeptCheckpoints {
  /** `--keep`: how many of the newest stay; undefined: all with a loss, and of the others the newest two. */
  readonly #keep: number | undefined;
  /** Those that are there, the newest last. */
  #all: readonly KeptCheckpoint[];
  /** Of a stretch that the run has gone back from: they stay by the same rule, but none is the best. */
  readonly #forgotten = new Set<KeptCheckpoint>();

  /** @param earlier What the run has written before it was resumed, the newest last. */
  constructor(keep: number | undefined, earlier: readonly KeptCheckpoint[] = []) {
    this.#keep = keep;
    this.#all = earlier;
  }

  /** The one with the lowest validation loss, the earliest of several. */
  get best(): KeptCheckpoint | undefined {
    return this.#all.reduce<KeptCheckpoint | undefined>(
      (best, one) =>
        one.validationLoss !== undefined &&
        !this.#forgotten.has(one) &&
        !(one.validationLoss >= (best?.validationLoss ?? Number.POSITIVE_INFINITY))
          ? one
          : best,
      undefined,
    );
  }

  /** Adds the newest, in place of an earlier one of the same path. */
  add(checkpoint: KeptCheckpoint): void {
    this.#all = [...this.#all.filter(({ path }) => path !== checkpoint.path), checkpoint];
  }

  /** A checkpoint that somebody has deleted. */
  forget(checkpoint: KeptCheckpoint): void {
    this.#all = this.#all.filter((one) => one !== checkpoint);
  }

  /** The run goes back to an iteration: what it was after that it is no more. */
  goBack(iteration: number): void {
    for (const one of this.#all) if (one.iteration > iteration) this.#forgotten.add(one);
  }

  /** Gives up those that do not stay: the oldest beyond the number, never the best or the newest. */
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
