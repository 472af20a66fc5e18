/** Chooses the folder of a run: the requested one, or the next free one if another run uses it. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CheckpointError } from '../../errors.ts';
import { formatMoment } from '../../util/format.ts';
import { type FolderStorage, folderStorage } from './folder-storage.node.ts';
import { loggedRunId } from './logged-run-id.node.ts';
import { numberedFolder } from './numbered-folder.node.ts';
import { runFiles } from './run-files.ts';
import { type FoundRun, surveyFolder } from './run-survey.node.ts';
import type { CheckpointStorage } from './storage.ts';

/** Identifies a run in a folder. */
interface RunNames {
  readonly saveName: string;
  /** Of a resumed run, or of a new one with a given id. */
  readonly runId?: string | undefined;
}

/**
 * The storage of a run. `reserve` and `prepare` choose its folder: the first of the requested one, X, and `X-2`, `X-3`, … in which no run has
 * the same `saveName` and no other run is training.
 */
export function runStorage(requested: string, run: RunNames): FolderStorage {
  let storage = folderStorage(requested);
  let insteadOf: string | undefined;
  let number = 1;
  let isHeld = false;
  /** @param creates Whether to create a missing folder. */
  const choose = async (creates: boolean) => {
    while (!isHeld) {
      const folder = storage.place;
      if (!creates && !existsSync(folder)) return;
      const reason = (await occupantOf(folder, run)) ?? (await take(storage, folder, run));
      isHeld = reason === undefined;
      if (reason === undefined) return;
      insteadOf ??= reason;
      number++;
      storage = folderStorage(numberedFolder(requested, number));
    }
  };
  return {
    get place() {
      return storage.place;
    },
    get insteadOf() {
      return insteadOf;
    },
    reserve: () => choose(false),
    async prepare() {
      await choose(true);
      await storage.prepare();
    },
    async close() {
      isHeld = false;
      await storage.close();
    },
    identify: (name) => storage.identify(name),
    list: () => storage.list(),
    save: (name, parts) => storage.save(name, parts),
    point: (name, path) => storage.point(name, path),
    remove: (path) => storage.remove(path),
  };
}

/** Takes a folder, or returns the reason why that is impossible, for a message. */
async function take(storage: CheckpointStorage, folder: string, run: RunNames): Promise<string | undefined> {
  try {
    await storage.prepare();
  } catch (error) {
    if (!(error instanceof CheckpointError) || error.code !== 'checkpoint-locked') throw error;
    return `another run is training in ${shown(folder)}`;
  }
  // Another run may have written to the folder before it was taken.
  const occupant = await occupantOf(folder, run);
  if (occupant !== undefined) await storage.close();
  return occupant;
}

/** Describes what already uses the run's names in a folder; undefined if nothing does. */
async function occupantOf(folder: string, { saveName, runId }: RunNames): Promise<string | undefined> {
  const { runs, logs } = await surveyFolder(folder);
  if (runId !== undefined && runs.some((run) => run.runId === runId)) return undefined;
  const other = runs.find((run) => run.saveName === saveName);
  if (other) return `${shown(folder)} holds ${describeRun(other)}`;
  const log = logs.find((name) => name === runFiles(saveName).log);
  if (log === undefined) return undefined;
  if (runId !== undefined && (await loggedRunId(join(folder, log))) === runId) return undefined;
  return `${shown(folder)} holds the log of another run, ${log}`;
}

/** For example `the run of book.txt from 27 November`. */
function describeRun({ newest: { text, time } }: FoundRun): string {
  const [first, ...more] = text?.paths ?? [];
  const files = more.length > 0 ? ` and ${more.length} more` : '';
  return `the run${first === undefined ? '' : ` of ${basename(first)}${files}`} from ${formatMoment(time)}`;
}

function shown(folder: string): string {
  return /[/\\]$/.test(folder) ? folder : `${folder}/`;
}
