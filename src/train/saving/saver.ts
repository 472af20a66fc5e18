/**
 * Saves checkpoints while training goes on, and goes on without where that fails: the earlier ones are untouched.
 *
 * A save is a snapshot, taken between two iterations, and its way to the disk, in the background. There is one at a time: the next
 * waits for it. What became of it is told by `events` from then on.
 */

import type { TrainedCheckpoint } from '../../checkpoint/checkpoint.ts';
import { isNameFor, saveCheckpoint } from '../../checkpoint/storage/save-checkpoint.ts';
import { chooseRunFiles, type RunFiles } from '../../checkpoint/storage/run-files.ts';
import type { CheckpointStorage } from '../../checkpoint/storage/storage.ts';
import { CheckpointError } from '../../errors.ts';
import type { TrainingEvent } from '../events.ts';
import type { TrainingOptions } from '../options.ts';
import type { TrainingRun } from '../run/training-run.ts';
import { type KeptCheckpoint, KeptCheckpoints, SaveSchedule } from './checkpoint-policy.ts';

/** Where a run's checkpoints go, and the names of its other files there. */
export interface SavePlace {
  readonly storage: CheckpointStorage;
  readonly files: RunFiles;
}

export class Saver {
  /** Where the last checkpoint went. */
  path: string | undefined;
  /** Why the last attempt failed, if it did. */
  failure: CheckpointError | undefined;
  readonly #run: TrainingRun;
  readonly #name: string;
  #place: SavePlace | undefined;
  readonly #schedule: SaveSchedule;
  readonly #kept: KeptCheckpoints;
  readonly #events: TrainingEvent[] = [];
  /** The iteration of the last checkpoint that is there, or on its way. */
  #savedIteration: number | undefined;
  #underWay: Promise<void> | undefined;
  /** That `best` and `last` can't be set is said once. */
  #saidUnset = false;

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

  /** A saver that counts what the run has written before it was resumed; checkpoints of other runs are not its own. */
  static async open(
    run: TrainingRun,
    options: TrainingOptions,
    place: SavePlace | undefined,
  ): Promise<Saver> {
    const there = run.iteration > 0 && place ? await place.storage.list() : [];
    const earlier = there
      .filter(({ runId, iteration }) => runId === run.id && iteration <= run.iteration)
      // By iteration, since a folder that was copied has the times of the copy.
      .sort((a, b) => a.iteration - b.iteration)
      .flatMap(({ path, iteration }) => {
        const validationLoss = run.validationLosses.at(iteration);
        if (isNameFor(path, iteration, undefined)) return [{ path, iteration, validationLoss: undefined }];
        // One with another loss is of a stretch that was forgotten or of a way not taken; or somebody has renamed it.
        return isNameFor(path, iteration, validationLoss) ? [{ path, iteration, validationLoss }] : [];
      });
    return new Saver(run, options, place, earlier);
  }

  /** Whether a checkpoint is due after an iteration, besides those of evaluations. */
  isDue(iteration: number): boolean {
    return this.#schedule.due(iteration);
  }

  /** Takes a snapshot, once the save before has finished, and lets it go to the disk. */
  async save(validationLoss: number | undefined): Promise<void> {
    await this.settle();
    this.#schedule.saved();
    const place = this.#place;
    if (!place) return;
    const before = this.#savedIteration;
    this.#savedIteration = this.#run.iteration;
    const snapshot = this.#run.checkpoint();
    this.#underWay = this.#write(place, snapshot, validationLoss).catch((error: unknown) => {
      if (!(error instanceof CheckpointError)) throw error;
      this.failure = error;
      this.#savedIteration = before;
      this.#warn(error, 'Training goes on.');
    });
    // A defect is thrown by whoever waits for the save, not by the event loop.
    this.#underWay.catch(() => {});
  }

  /** Waits for the save under way, and saves what was learned since the last one that succeeded. */
  async finish(): Promise<void> {
    await this.settle();
    if (this.#place === undefined || this.#savedIteration === this.#run.iteration) return;
    await this.save(undefined);
    await this.settle();
  }

  /** The run has gone back: what it saved since then is of a stretch that is forgotten. */
  async goBack(): Promise<void> {
    await this.settle();
    this.#savedIteration = undefined;
    this.#kept.goBack(this.#run.iteration);
  }

  /** What has become of saves since the last call. */
  *events(): Generator<TrainingEvent, void, void> {
    yield* this.#events.splice(0);
  }

  /** Waits for the save under way, if there is one. */
  async settle(): Promise<void> {
    await this.#underWay;
    this.#underWay = undefined;
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
    // After the names: neither ever stands for a file that is gone. One that stays is no harm.
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
   * @param otherwise What becomes of the name where the checkpoint was deleted.
   * @returns false where it was
   */
  async #point(storage: CheckpointStorage, name: string, path: string, otherwise: string): Promise<boolean> {
    try {
      await storage.point(name, path);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      const isGone = error.code === 'checkpoint-missing';
      if (isGone) this.#warn(error, `${name} ${otherwise}.`);
      else if (!this.#saidUnset) this.#warn(error, `${name} is not set in this run.`);
      this.#saidUnset ||= !isGone;
      return !isGone;
    }
    return true;
  }

  /** The run's names; other ones from the moment when another run has taken them, as it can where somebody has deleted the folder. */
  async #ownFiles({ storage, files }: SavePlace): Promise<RunFiles> {
    const { id: runId } = this.#run;
    const owners = [await storage.identify(files.best), await storage.identify(files.last)];
    const isTaken = owners.some((there) => typeof there === 'object' && there.runId !== runId);
    if (!isTaken) return files;
    const chosen = await chooseRunFiles(storage, { runId, saveName: this.#name, isResumed: false });
    this.#place = { storage, files: chosen };
    return chosen;
  }

  #warn({ code, message }: CheckpointError, consequence: string): void {
    this.#events.push({ type: 'warning', code, message: `${message} ${consequence}` });
  }
}
