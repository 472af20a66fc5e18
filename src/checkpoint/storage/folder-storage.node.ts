/** Stores checkpoints in a folder, each completely or not at all. */
import { existsSync } from 'node:fs';
import { lstat, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CheckpointError } from '../../errors.ts';
import { makeFolder } from '../../util/files.node.ts';
import { describeSystemError } from '../../util/system-error.ts';
import { readIdentity } from '../codec.ts';
import { withFile } from '../safetensors/file-source.node.ts';
import { readSummary } from '../summary.ts';
import { isLink, pointTo } from './file-pointer.node.ts';
import { FolderLock, OTHER_FOLDER } from './folder-lock.node.ts';
import { pointerStem } from './run-files.ts';
import { checkpointName } from './save-checkpoint.ts';
import {
  type CheckpointIdentity,
  type CheckpointStorage,
  isSameCheckpoint,
  type StoredCheckpoint,
} from './storage.ts';
import { clearLeftovers, writeWhole } from './whole-file.node.ts';

export interface FolderStorage extends CheckpointStorage {
  /**
   * Locks the folder if it exists. (`prepare` creates and locks a missing one.)
   *
   * @throws {CheckpointError} as `prepare`
   */
  reserve(): Promise<void>;
}

/** A storage in a folder, which is created when it is first needed. */
export function folderStorage(folder: string): FolderStorage {
  let lock: FolderLock | undefined;
  const prepare = async () => {
    try {
      await makeFolder(folder);
      // Permission bits are not enough (root, read-only mounts, full disks): only writing a file shows that it is possible.
      lock ??= await FolderLock.acquire(folder);
      await clearLeftovers(folder);
    } catch (error) {
      if (error instanceof CheckpointError) throw error;
      throw new CheckpointError(
        'checkpoint-unwritable',
        `${folder}: checkpoints can't be written there: ${describeSystemError(error)}.`,
        { cause: error, remedies: [OTHER_FOLDER] },
      );
    }
  };
  return {
    place: folder,
    async reserve() {
      if (existsSync(folder)) await prepare();
    },
    prepare,
    async close() {
      lock?.release();
      lock = undefined;
    },
    async identify(name) {
      const path = join(folder, name);
      const there = await identify(path);
      // A pointer to a missing or damaged file can be replaced without losing data.
      const isFree = there === 'other' && pointerStem(name) !== undefined && (await isLink(path));
      return isFree ? undefined : there;
    },
    list: () => listCheckpoints(folder),
    async save(name, parts) {
      const path = join(folder, name);
      await asCheckpointError(path, async () => {
        await makeFolder(folder);
        // Somebody deleted the folder. Even if another run has recreated and locked it since, the two use different file names.
        if (lock && !lock.exists) lock = await FolderLock.acquire(folder).catch(() => lock);
        await writeWhole(path, parts, lock ? 'training' : 'other');
      });
      return path;
    },
    async point(name, target) {
      const path = join(folder, name);
      if (!(await exists(target))) throw new CheckpointError('checkpoint-missing', `${target} was deleted.`);
      await asCheckpointError(path, async () => {
        if ((await isReplaceable(path, folder)) || (await renamedToOwnName(path, target))) {
          return pointTo(path, target);
        }
        throw new Error('a file that is not a link has this name and would be lost. Rename that file');
      });
    },
    remove: (path) => rm(path, { force: true }),
  };
}

/**
 * @param kept A sentence that says what is not lost.
 * @throws {CheckpointError} `checkpoint-save-failed` for a system error
 */
export async function asCheckpointError(
  path: string,
  save: () => Promise<void>,
  kept = 'Earlier checkpoints are untouched.',
): Promise<void> {
  try {
    await save();
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(
      'checkpoint-save-failed',
      `${path} could not be saved: ${describeSystemError(error)}. ${kept}`,
      { cause: error },
    );
  }
}

/** Whether a file can be replaced without losing data: it is a link, or a copy of a checkpoint that also exists under its own name. */
async function isReplaceable(path: string, folder: string): Promise<boolean> {
  if (await isLink(path)) return true;
  const there = await identify(path);
  if (there === undefined) return true;
  if (there === 'other') return false;
  return (await listCheckpoints(folder)).some((stored) => isSameCheckpoint(stored, there));
}

/**
 * Renames a checkpoint that exists only under the name of a pointer, if it belongs to the same run as the new target.
 *
 * @returns whether it was renamed, so that the pointer can be set without losing data
 */
async function renamedToOwnName(path: string, target: string): Promise<boolean> {
  const [there, next] = [await identify(path), await identify(target)];
  if (typeof there !== 'object' || typeof next !== 'object' || there.runId !== next.runId) return false;
  const { training } = withFile(path, (file) => readSummary(file, path));
  if (!training) return false;
  const { iteration, epoch, options, validationLosses } = training;
  if (typeof options.saveName !== 'string' || /[/\\]/.test(options.saveName)) return false;
  const loss = validationLosses.values[validationLosses.iterations.lastIndexOf(iteration)];
  const ownPath = join(
    dirname(path),
    `${checkpointName(options.saveName, epoch, iteration, loss)}.safetensors`,
  );
  if (await exists(ownPath)) return false;
  await rename(path, ownPath);
  return true;
}

async function listCheckpoints(folder: string): Promise<StoredCheckpoint[]> {
  const found: (StoredCheckpoint & { readonly time: number })[] = [];
  for (const path of await checkpointFiles(folder)) {
    const facts = await lstat(path).catch(() => undefined);
    // Ignores links.
    if (!facts?.isFile()) continue;
    const identity = await identify(path);
    if (identity && identity !== 'other') found.push({ path, ...identity, time: facts.mtimeMs });
  }
  return found.sort((a, b) => a.time - b.time).map(({ time: _, ...checkpoint }) => checkpoint);
}

/** The files of a folder that are named like a checkpoint, not like a pointer; empty if there is no folder. */
async function checkpointFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return names
    .filter((name) => name.endsWith('.safetensors') && !name.startsWith('.'))
    .filter((name) => pointerStem(name) === undefined)
    .map((name) => join(folder, name));
}

/** Reads the run and iteration of a checkpoint. */
async function identify(path: string): Promise<CheckpointIdentity | 'other' | undefined> {
  const facts = await stat(path).catch(() => undefined);
  // If it is unknown whether a file exists, saving is tried and reports the problem.
  if (!facts) return (await exists(path)) ? 'other' : undefined;
  if (!facts.isFile()) return 'other';
  try {
    return withFile(path, (file) => readIdentity(file, path));
  } catch {
    return 'other';
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
