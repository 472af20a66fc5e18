/** Names checkpoints and saves them without overwriting files of another run. */
import type { TrainedCheckpoint } from '../checkpoint.ts';
import { encodeCheckpoint } from '../codec.ts';
import { type CheckpointStorage, isSameCheckpoint } from './storage.ts';

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
  return `${beginning(saveName)}${epoch.toFixed(2)}_${ending(iteration, validationLoss)}`;
}

/** Whether a file's name is that of a checkpoint of a run with this `saveName`. */
export function isNameOfRun(name: string, saveName: string): boolean {
  return name.startsWith(beginning(saveName));
}

/** Whether `saveCheckpoint` may have chosen this name for the given iteration and validation loss. */
export function isNameFor(path: string, iteration: number, validationLoss: number | undefined): boolean {
  const found = /_epoch\d+\.\d\d_([^_]+)(?:_\d+)?\.safetensors$/.exec(path);
  return found?.[1] === ending(iteration, validationLoss);
}

function beginning(saveName: string): string {
  return `lm_${saveName}_epoch`;
}

function ending(iteration: number, validationLoss: number | undefined): string {
  return validationLoss === undefined ? `i${iteration}` : validationLoss.toFixed(4);
}

/**
 * Saves a checkpoint under its name. It replaces a checkpoint of the same run and iteration. If any other file has the name, `_2`, `_3`, …
 * is appended.
 *
 * @returns its path
 * @throws {CheckpointError} `checkpoint-save-failed`; the earlier file is untouched
 */
export async function saveCheckpoint(
  storage: CheckpointStorage,
  checkpoint: TrainedCheckpoint,
  saveName: string,
  validationLoss: number | undefined,
): Promise<string> {
  const { iteration, epoch } = checkpoint.training;
  const base = checkpointName(saveName, epoch, iteration, validationLoss);
  for (let number = 1; ; number++) {
    const name = base + (number === 1 ? '' : `_${number}`) + EXTENSION;
    const there = await storage.identify(name);
    const isOurs = typeof there === 'object' && isSameCheckpoint(there, checkpoint.training);
    if (there === undefined || isOurs) return storage.save(name, encodeCheckpoint(checkpoint));
  }
}
