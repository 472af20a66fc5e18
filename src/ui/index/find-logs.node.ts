/** Searches folders for the logs of runs, and for sweeps. */
import { isLockName } from '../../checkpoint/storage/folder-lock.node.ts';
import { pointerStem } from '../../checkpoint/storage/run-files.ts';
import { isSweepFolder } from '../../sweep/sweep-folder.node.ts';
import { tooMany, type WalkedFolder, walkFolders } from '../../util/walk-folders.node.ts';

export const LOG_ENDING = '.log.jsonl';
/** So that even a search of a whole disk ends. */
export const MAX_LOGS = 10_000;

/** What a search found in one folder. */
export interface FoundFolder {
  readonly path: string;
  /** Names of the logs. */
  readonly logs: readonly string[];
  /** Names of the checkpoints, without pointers. */
  readonly checkpoints: readonly string[];
  readonly hasLock: boolean;
  /** Whether it is the folder of a sweep. */
  readonly isSweep: boolean;
}

export type FoundPart = FoundFolder | { readonly notice: string };

/** The folders with logs or the state of a sweep, one at a time. A missing folder counts as empty. */
export function* findLogs(root: string): Generator<FoundPart, void, void> {
  let logs = 0;
  for (const folder of walkFolders(root)) {
    if (logs > MAX_LOGS) {
      yield { notice: tooMany(root, `${MAX_LOGS} runs`) };
      return;
    }
    if ('notice' in folder) {
      yield folder;
      continue;
    }
    const found = foundIn(folder);
    logs += found.logs.length;
    if (found.logs.length > 0 || found.isSweep) yield found;
  }
}

function foundIn({ path, entries }: WalkedFolder): FoundFolder {
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  return {
    path,
    logs: names.filter((name) => name.endsWith(LOG_ENDING)),
    checkpoints: names.filter(
      (name) => name.endsWith('.safetensors') && !name.startsWith('.') && pointerStem(name) === undefined,
    ),
    hasLock: names.some(isLockName),
    isSweep: isSweepFolder(path, names),
  };
}
