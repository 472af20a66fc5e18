/** Searches folders for the logs of runs, and for sweeps. Links to folders are not followed, so that nothing outside is shown. */
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isLockName } from '../../checkpoint/storage/folder-lock.node.ts';
import { pointerStem } from '../../checkpoint/storage/run-files.ts';
import { DATABASE_FILE, namesDatabase } from '../../sweep/sweep-database.node.ts';
import { STATE } from '../../sweep/sweep-folder.node.ts';
import { describeSystemError } from '../../util/system-error.ts';

export const LOG_ENDING = '.log.jsonl';
/** Folders that hold the files of programs, not runs. */
const PASSED_OVER = new Set(['node_modules', '__pycache__']);

/** Limits, so that even a search of a whole disk ends. */
const MAX_DEPTH = 12;
const MAX_FOLDERS = 20_000;
export const MAX_LOGS = 10_000;

const order = new Intl.Collator('en', { numeric: true });

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

/** The folders with logs or the state of a sweep, one at a time, in the order of their names. A missing folder counts as empty. */
export function* findLogs(root: string): Generator<FoundPart, void, void> {
  let [folders, logs] = [0, 0];
  const waiting = [{ path: root, depth: 0 }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { path, depth } = next;
    if (++folders > MAX_FOLDERS || logs > MAX_LOGS) {
      const limit = logs > MAX_LOGS ? `${MAX_LOGS} runs` : `${MAX_FOLDERS} folders`;
      yield {
        notice: `${root} has more than ${limit}; the others are not shown. Name a folder in it instead.`,
      };
      return;
    }
    const entries = entriesOf(path);
    if (typeof entries === 'string') {
      yield { notice: `${path} can't be read: ${entries}.` };
      continue;
    }
    const found = foundIn(path, entries);
    logs += found.logs.length;
    if (found.logs.length > 0 || found.isSweep) yield found;
    if (depth < MAX_DEPTH) waiting.push(...subfolders(path, entries, depth + 1));
  }
}

/** The entries of a folder by name, or why it can't be read. */
function entriesOf(path: string): Dirent[] | string {
  try {
    return readdirSync(path, { withFileTypes: true }).sort((a, b) => order.compare(a.name, b.name));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? [] : describeSystemError(error);
  }
}

function foundIn(path: string, entries: readonly Dirent[]): FoundFolder {
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  return {
    path,
    logs: names.filter((name) => name.endsWith(LOG_ENDING)),
    checkpoints: names.filter(
      (name) => name.endsWith('.safetensors') && !name.startsWith('.') && pointerStem(name) === undefined,
    ),
    hasLock: names.some(isLockName),
    isSweep: names.includes(STATE) || (names.includes(DATABASE_FILE) && namesDatabase(path)),
  };
}

/** The last one first, because the search takes folders from the end. */
function subfolders(path: string, entries: readonly Dirent[], depth: number) {
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !PASSED_OVER.has(entry.name))
    .map(({ name }) => ({ path: join(path, name), depth }))
    .reverse();
}
