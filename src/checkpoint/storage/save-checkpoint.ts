/** The names of checkpoints, and the rule that nothing of another run is overwritten. */
import type { TrainedCheckpoint } from '../checkpoint.ts';
import { encodeCheckpoint } from '../codec.ts';
import type { CheckpointStorage } from './storage.ts';

const EXTENSION = '.safetensors';

/**
 * The original's name, `lm_<saveName>_epoch0.95_2.0681`; without a validation loss `lm_<saveName>_epoch0.95_i400`.
 */
export function checkpointName(
  saveName: string,
  epoch: number,
  iteration: number,
  validationLoss: number | undefined,
): string {
  return `lm_${saveName}_epoch${epoch.toFixed(2)}_${ending(iteration, validationLoss)}`;
}

/** Whether a checkpoint's name is one that `saveCheckpoint` gives for an iteration with a validation loss, or without. */
export function isNameFor(path: string, iteration: number, validationLoss: number | undefined): boolean {
  const found = /_epoch\d+\.\d\d_([^_]+)(?:_\d+)?\.safetensors$/.exec(path);
  return found?.[1] === ending(iteration, validationLoss);
}

function ending(iteration: number, validationLoss: number | undefined): string {
  return validationLoss === undefined ? `i${iteration}` : validationLoss.toFixed(4);
}

/**
 * Saves a checkpoint under its name. A name that another run, another iteration or some other file has taken gets `_2`,
 * `_3`, …; the same iteration of the same run is replaced.
 *
 * @returns where it went
 * @throws {CheckpointError} `checkpoint-save-failed`; what was there before is untouched
 */
export async function saveCheckpoint(
  storage: CheckpointStorage,
  checkpoint: TrainedCheckpoint,
  saveName: string,
  validationLoss: number | undefined,
): Promise<string> {
  const { runId, iteration, epoch } = checkpoint.training;
  const base = checkpointName(saveName, epoch, iteration, validationLoss);
  for (let number = 1; ; number++) {
    const name = base + (number === 1 ? '' : `_${number}`) + EXTENSION;
    const there = await storage.identify(name);
    const ours =
      there !== undefined && there !== 'other' && there.runId === runId && there.iteration === iteration;
    if (there === undefined || ours) return storage.save(name, encodeCheckpoint(checkpoint));
  }
}
