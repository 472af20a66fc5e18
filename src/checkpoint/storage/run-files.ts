/** The names of a run's files in its folder: one run has the plain names, every other one names that begin with its `saveName`. */
import type { CheckpointIdentity } from './storage.ts';

/** Names in the run's folder. */
export interface RunFiles {
  /** Points to the checkpoint with the lowest validation loss. */
  readonly best: string;
  /** Points to the newest checkpoint. */
  readonly last: string;
  /** The options of the run. */
  readonly config: string;
  /** The events of the run, one JSON object a line. */
  readonly log: string;
}

/**
 * The files of a run.
 *
 * @param stem Empty for the run that has the plain names, else the run's `saveName`, perhaps with a number.
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

/** What precedes `best.safetensors` and `last.safetensors` in the names of a folder; undefined for other names. */
export function pointerStem(name: string): string | undefined {
  const found = /^(?:(.+)\.)?(?:best|last)\.safetensors$/.exec(name);
  return found ? (found[1] ?? '') : undefined;
}

/** What choosing names asks of a storage. */
interface NamedFiles {
  identify(name: string): Promise<CheckpointIdentity | 'other' | undefined>;
}

/**
 * The names that a run has in a storage: its own, where `best` or `last` points to one of its checkpoints, else the first that no other
 * run or file has.
 *
 * @param isResumed A resumed run may have written its configuration but no checkpoint yet.
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
    // The plain names may have been deleted while this run still has numbered ones, so look one further.
    if (number > 0 && free) return free;
  }
}
