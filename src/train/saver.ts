/** Saves checkpoints, and goes on without where that fails: the earlier ones are untouched. */
import { CheckpointError } from '../errors.ts';
import { saveCheckpoint } from '../formats/checkpoint-name.ts';
import type { CheckpointStorage } from '../formats/storage.ts';
import type { CheckpointedEvent, TrainingEvent } from './events.ts';
import type { TrainingRun } from './run.ts';

/** Checkpoints without a validation loss that stay. */
const KEPT_WITHOUT_LOSS = 2;

export class Saver {
  /** Where the last checkpoint went. */
  path: string | undefined;
  /** Why the last attempt failed, if it did. */
  failure: CheckpointError | undefined;
  readonly #run: TrainingRun;
  readonly #name: string;
  readonly #storage: CheckpointStorage | undefined;
  #savedIteration: number;
  /** Checkpoints without a validation loss, the newest last. */
  readonly #withoutLoss: string[] = [];

  constructor(run: TrainingRun, name: string, storage: CheckpointStorage | undefined) {
    this.#run = run;
    this.#name = name;
    this.#storage = storage;
    this.#savedIteration = run.iteration;
  }

  /** Whether something was learned since the last checkpoint. */
  get needed(): boolean {
    return this.#storage !== undefined && this.#savedIteration < this.#run.iteration;
  }

  async *save(validationLoss: number | undefined): AsyncGenerator<TrainingEvent, void, void> {
    const event = await this.saveQuietly(validationLoss);
    if (event) yield event;
    else if (this.failure) {
      yield {
        type: 'warning',
        code: this.failure.code,
        message: `${this.failure.message} Training goes on.`,
      };
    }
  }

  async saveQuietly(validationLoss?: number): Promise<CheckpointedEvent | undefined> {
    if (!this.#storage) return undefined;
    const { iteration, epoch } = this.#run;
    const checkpoint = await this.#run.checkpoint();
    try {
      this.path = await saveCheckpoint(this.#storage, checkpoint, this.#name, validationLoss);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      this.failure = error;
      return undefined;
    }
    this.failure = undefined;
    if (validationLoss === undefined) await this.#keepNewest(this.path);
    this.#savedIteration = iteration;
    return { type: 'checkpointed', iteration, epoch, path: this.path, validationLoss };
  }

  /** Of the checkpoints without a loss that this run has written, all but the newest go; those of other runs stay. */
  async #keepNewest(path: string): Promise<void> {
    this.#withoutLoss.push(path);
    while (this.#withoutLoss.length > KEPT_WITHOUT_LOSS) {
      const oldest = this.#withoutLoss.shift() as string;
      // One that stays is no harm.
      await this.#storage?.remove(oldest).catch(() => {});
    }
  }
}
