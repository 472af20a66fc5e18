/**
 * Saves checkpoints in the background. A failed save does not stop training, and leaves earlier checkpoints untouched.
 *
 * A save takes a snapshot between two iterations and writes it while training continues. The next save waits for the previous one. `events`
 * reports the results.
 */

import type { TrainedCheckpoint } from '../../checkpoint/checkpoint.ts';
import { chooseRunFiles, type RunFiles } from '../../checkpoint/storage/run-files.ts';
import { isNameFor, saveCheckpoint } from '../../checkpoint/storage/save-checkpoint.ts';
import type { CheckpointStorage } from '../../checkpoint/storage/storage.ts';
import { CheckpointError } from '../../errors.ts';
import type { TrainingEvent } from '../events.ts';
import type { TrainingOptions } from '../options.ts';
import { isEngineFailure } from '../recovery/run-engines.ts';
import type { TrainingRun } from '../run/training-run.ts';
import { type KeptCheckpoint, KeptCheckpoints, SaveSchedule } from './checkpoint-policy.ts';

/** Where the checkpoints of a run go, and the names of its other files there. */
export interface SavePlace {
  readonly storage: CheckpointStorage;
  readonly files: RunFiles;
}

export class Saver {
  /** The path of the last checkpoint. */
  path: string | undefined;
  /** The error of the last save, if it failed. It says how to continue from the last checkpoint, if there is one. */
  failure: CheckpointError | undefined;
  #run: TrainingRun;
  readonly #name: string;
  #place: SavePlace | undefined;
  readonly #schedule: SaveSchedule;
  readonly #kept: KeptCheckpoints;
  readonly #events: TrainingEvent[] = [];
  /** The iteration of the last checkpoint that was written or is being written. */
  #savedIteration: number | undefined;
  #currentSave: Promise<void> | undefined;
  /** Whether the warning that `best` and `last` can't be set has been given: it comes only once. */
  #hasWarnedUnset = false;

  private constructor(
    run: TrainingRun,
    { saveName, keep, checkpointEvery }: TrainingOptions,
    place: SavePlace | undefined,
    earlier: readonly KeptCheckpoint[],
  ) {
    this.#run = run;
    this.#name = saveName;
    this.#place = place;
    this.#schedule = new SaveSchedule(checkpointEvery);
    this.#kept = new KeptCheckpoints(keep, earlier);
    this.#savedIteration = run.iteration;
  }

  /** A saver that also manages the checkpoints from before the run was resumed, but not those of other runs. */
  static async open(
    run: TrainingRun,
    options: TrainingOptions,
    place: SavePlace | undefined,
  ): Promise<Saver> {
    const existing = run.iteration > 0 && place ? await place.storage.list() : [];
    const earlier = existing
      .filter(({ runId, iteration }) => runId === run.id && iteration <= run.iteration)
      // By iteration, because in a copied folder the files have the times of the copy.
      .sort((a, b) => a.iteration - b.iteration)
      .flatMap(({ path, iteration }) => {
        const validationLoss = run.validationLosses.at(iteration);
        if (isNameFor(path, iteration, undefined)) return [{ path, iteration, validationLoss: undefined }];
        // A checkpoint with another loss comes from discarded iterations or an abandoned branch, or was renamed.
        return isNameFor(path, iteration, validationLoss) ? [{ path, iteration, validationLoss }] : [];
      });
    return new Saver(run, options, place, earlier);
  }

  /** Whether a checkpoint is due after an iteration without an evaluation. */
  isDue(iteration: number): boolean {
    return this.#schedule.due(iteration);
  }

  /**
   * Takes a snapshot, after the previous save has finished, and starts writing it.
   *
   * @param taken A snapshot of the present state, if there is one already.
   */
  async save(validationLoss: number | undefined, taken?: Promise<TrainedCheckpoint>): Promise<void> {
    await this.settle();
    this.#schedule.saved();
    const place = this.#place;
    if (!place) return;
    const before = this.#savedIteration;
    this.#savedIteration = this.#run.iteration;
    const snapshot = taken ?? this.#run.checkpoint();
    this.#currentSave = this.#write(place, snapshot, validationLoss).catch((error: unknown) => {
      this.#savedIteration = before;
      if (!(error instanceof CheckpointError)) throw error;
      this.failure = this.path === undefined ? error : resumable(error, this.path);
      this.#warn(error, 'Training continues.');
    });
    // Any other error is thrown by the next call that waits for the save, not as an unhandled rejection.
    this.#currentSave.catch(() => {});
  }

  /** Waits for the current save, and saves again if there is progress since the last successful save. */
  async finish(): Promise<void> {
    await this.settle();
    if (this.#place === undefined || this.#savedIteration === this.#run.iteration) return;
    await this.save(undefined);
    await this.settle();
  }

  /**
   * Like `finish`, after the engine was lost: saves a copy of the state.
   *
   * @param copy Undefined if nothing was trained yet.
   */
  async finishWith(copy: TrainedCheckpoint | undefined): Promise<void> {
    // A snapshot that could not be read is worth less than the copy.
    await this.settle().catch(() => {});
    const iteration = copy?.training.iteration;
    if (!copy || !iteration || this.#place === undefined || this.#savedIteration === iteration) return;
    await this.save(undefined, Promise.resolve(copy));
    await this.settle();
  }

  /** Call this when the run continues from a copy of its state on another engine: later checkpoints no longer belong to it. */
  async continueWith(run: TrainingRun): Promise<void> {
    try {
      await this.settle();
    } catch (error) {
      // The engine was lost before its snapshot was read.
      if (!isEngineFailure(error)) throw error;
    }
    this.#run = run;
    this.#kept.goBack(run.iteration);
    if ((this.#savedIteration ?? 0) > run.iteration) this.#savedIteration = undefined;
  }

  /** Call this after the run has returned to an earlier state: later checkpoints no longer belong to it. */
  async goBack(): Promise<void> {
    await this.settle();
    this.#savedIteration = undefined;
    this.#kept.goBack(this.#run.iteration);
  }

  /** The results of the saves since the last call. */
  *events(): Generator<TrainingEvent, void, void> {
    yield* this.#events.splice(0);
  }

  /** Waits for the current save, if there is one. */
  async settle(): Promise<void> {
    const current = this.#currentSave;
    this.#currentSave = undefined;
    await current;
  }

  async #write(
    place: SavePlace,
    snapshot: Promise<TrainedCheckpoint>,
    validationLoss: number | undefined,
  ): Promise<void> {
    const { storage } = place;
    const checkpoint = await snapshot;
    const { iteration, epoch } = checkpoint.training;
    const path = await saveCheckpoint(storage, checkpoint, this.#name, validationLoss);
    this.path = path;
    this.failure = undefined;
    this.#kept.add({ path, iteration, validationLoss });
    await this.#setNames(place, path);
    this.#events.push({ type: 'checkpointed', iteration, epoch, path, validationLoss });
    // After the names are set, so that neither ever points to a deleted file. A surplus file that can't be deleted does no harm.
    for (const { path: surplus } of this.#kept.takeSurplus()) await storage.remove(surplus).catch(() => {});
  }

  async #setNames(place: SavePlace, last: string): Promise<void> {
    const { storage } = place;
    const files = await this.#ownFiles(place);
    await this.#point(storage, files.last, last, 'stays as it was');
    for (let { best } = this.#kept; best; best = this.#kept.best) {
      if (await this.#point(storage, files.best, best.path, 'points to the best one that is left')) return;
      this.#kept.forget(best);
    }
  }

  /**
   * Points a name to a checkpoint.
   *
   * @param otherwise What happens to the name if somebody has deleted the checkpoint, for the warning.
   * @returns false if the checkpoint was deleted
   */
  async #point(storage: CheckpointStorage, name: string, path: string, otherwise: string): Promise<boolean> {
    try {
      await storage.point(name, path);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      const isGone = error.code === 'checkpoint-missing';
      if (isGone) this.#warn(error, `${name} ${otherwise}.`);
      else if (!this.#hasWarnedUnset) this.#warn(error, `${name} is not set in this run.`);
      this.#hasWarnedUnset ||= !isGone;
      return !isGone;
    }
    return true;
  }

  /** The names of the run's files. If another run has taken them, which can happen after the folder was deleted, it chooses other names. */
  async #ownFiles({ storage, files }: SavePlace): Promise<RunFiles> {
    const { id: runId } = this.#run;
    const owners = [await storage.identify(files.best), await storage.identify(files.last)];
    const isTaken = owners.some((owner) => typeof owner === 'object' && owner.runId !== runId);
    if (!isTaken) return files;
    const chosen = await chooseRunFiles(storage, { runId, saveName: this.#name, isResumed: false });
    this.#place = { storage, files: chosen };
    return chosen;
  }

  #warn({ code, message }: CheckpointError, consequence: string): void {
    const sentence = /[.!?]\s*$/.test(message) ? message : `${message}.`;
    this.#events.push({ type: 'warning', code, message: `${sentence} ${consequence}` });
  }
}

/** The error of a failed save, with the command that continues from an earlier checkpoint. */
function resumable({ code, problem, remedies, cause }: CheckpointError, path: string): CheckpointError {
  return new CheckpointError(code, problem, {
    cause,
    remedies: [
      ...remedies,
      { text: 'To continue from the last checkpoint that was saved', command: ['train', '--resume', path] },
    ],
  });
}
