/** The names of a run's files. The first run in a folder has the plain names; those of every other run begin with its `saveName`. */
import type { CheckpointIdentity } from './storage.ts';

/** File names in the run's folder. */
export interface RunFiles {
  /** The pointer to the checkpoint with the lowest validation loss. */
  readonly best: string;
  /** The pointer to the newest checkpoint. */
  readonly last: string;
  /** The options of the run. */
  readonly config: string;
  /** The events of the run, one JSON object per line. */
  readonly log: string;
}

/**
 * The files of a run.
 *
 * @param stem Empty for plain names, else the run's `saveName`, possibly with a number.
 */
export function runFiles(saveName: string, stem = ''): RunFiles {
  const prefix = stem && `${stem}.`;
  return {
    best: `${prefix}best.safetensors`,
    last: `${prefix}last.safetensors`,
    config: `${prefix}run.json`,
    log: `${saveName}.log.jsonl`,
  };
}

/** The part of a pointer's name before `best.safetensors` or `last.safetensors`; undefined for other names. */
export function pointerStem(name: string): string | undefined {
  const found = /^(?:(.+)\.)?(?:best|last)\.safetensors$/.exec(name);
  return found ? (found[1] ?? '') : undefined;
}

/** The part of a storage that is needed to choose names. */
interface NamedFiles {
  identify(name: string): Promise<CheckpointIdentity | 'other' | undefined>;
}

/**
 * Chooses the file names of a run: those whose `best` or `last` already points to one of its checkpoints, else the first names that are free.
 *
 * @param isResumed Whether an existing configuration may be this run's: a run can stop after writing it and before its first checkpoint.
 */
export async function chooseRunFiles(
  storage: NamedFiles,
  { runId, saveName, isResumed }: { runId: string; saveName: string; isResumed: boolean },
): Promise<RunFiles> {
  let free: RunFiles | undefined;
  for (let number = 0; ; number++) {
    const stem = number === 0 ? '' : number === 1 ? saveName : `${saveName}-${number}`;
    const files = runFiles(saveName, stem);
    const pointers = [await storage.identify(files.best), await storage.identify(files.last)];
    const owners = pointers.map((there) => (typeof there === 'object' ? there.runId : there));
    if (owners.every((owner) => owner === runId || owner === undefined) && owners.includes(runId))
      return files;
    const isUntouched = owners.every((owner) => owner === undefined);
    if (!isUntouched) continue;
    if (isResumed || (await storage.identify(files.config)) === undefined) free ??= files;
    // Check at least one more set of names: if the plain files were deleted, this run may still have the others.
    if (number > 0 && free) return free;
  }
}
