/**
 * Keeps checkpoints in a folder of the browser's origin private file system (https://fs.spec.whatwg.org), where they outlive the page.
 *
 * It has no links, so `best` and `last` are copies. A file that is written replaces the earlier one when it is complete.
 */
import { CheckpointError } from '../../errors.ts';
import { readIdentity } from '../codec.ts';
import { bytesSource } from '../safetensors/byte-source.ts';
import { pointerStem } from './run-files.ts';
import type { CheckpointIdentity, CheckpointStorage, StoredCheckpoint } from './storage.ts';

/**
 * A storage in a folder of the browser.
 *
 * @param folder From `navigator.storage.getDirectory()`, or a folder within it. Its name is locked for other tabs while a run writes there.
 */
export function opfsStorage(folder: FileSystemDirectoryHandle): CheckpointStorage {
  let unlock = () => {};
  const place = `the browser's folder ${folder.name}`;
  const identify = async (name: string): Promise<CheckpointIdentity | 'other' | undefined> => {
    const bytes = await readOpfsFile(folder, name);
    if (!bytes) return undefined;
    try {
      return readIdentity(bytesSource(bytes), name);
    } catch {
      return 'other';
    }
  };
  return {
    place,
    async prepare() {
      unlock = await lockFolder(folder);
    },
    async close() {
      unlock();
      unlock = () => {};
    },
    identify,
    async list() {
      const found: StoredCheckpoint[] = [];
      for await (const path of folder.keys()) {
        if (!path.endsWith('.safetensors') || pointerStem(path) !== undefined) continue;
        const identity = await identify(path);
        if (identity && identity !== 'other') found.push({ path, ...identity });
      }
      return found.sort((a, b) => a.iteration - b.iteration);
    },
    async save(name, parts) {
      await writeOpfsFile(folder, name, parts);
      return name;
    },
    async point(name, path) {
      const bytes = await readOpfsFile(folder, path);
      if (!bytes) throw new CheckpointError('checkpoint-missing', `${place}: ${path} no longer exists.`);
      await writeOpfsFile(folder, name, [bytes]);
    },
    async remove(path) {
      await folder.removeEntry(path).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    },
  };
}

/** The bytes of a file; undefined if there is no such file. */
export async function readOpfsFile(
  folder: FileSystemDirectoryHandle,
  name: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const file = await opfsFile(folder, name);
  return file && new Uint8Array(await file.arrayBuffer());
}

/** A file as it is now; undefined if there is no such file. */
export async function opfsFile(folder: FileSystemDirectoryHandle, name: string): Promise<File | undefined> {
  try {
    return await (await folder.getFileHandle(name)).getFile();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Writes a file completely or not at all.
 *
 * @throws {CheckpointError} `checkpoint-save-failed`, for example if the browser's storage quota is used up
 */
export async function writeOpfsFile(
  folder: FileSystemDirectoryHandle,
  name: string,
  parts: Iterable<Uint8Array>,
): Promise<void> {
  let stream: FileSystemWritableFileStream | undefined;
  try {
    stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
    for (const part of parts) await stream.write(part as Uint8Array<ArrayBuffer>);
    await stream.close();
  } catch (error) {
    await stream?.abort().catch(() => {});
    const isFull = error instanceof DOMException && error.name === 'QuotaExceededError';
    const reason = isFull
      ? 'the storage that the browser allows this page is full'
      : String((error as Error).message);
    throw new CheckpointError('checkpoint-save-failed', `${name} can't be written: ${reason}.`, {
      cause: error,
    });
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'NotFoundError';
}

/** Milliseconds in which a worker ends whose page was reloaded, and gives its locks back. */
const ENDING_TIME = 3000;

/**
 * Locks a folder for this worker, so that no other tab writes there.
 *
 * @param patience Milliseconds to wait if another worker has the lock.
 * @returns a function that unlocks it
 * @throws {CheckpointError} `checkpoint-locked`
 */
export async function lockFolder(
  { name }: FileSystemDirectoryHandle,
  patience = ENDING_TIME,
): Promise<() => void> {
  const unlock = await lockName(`char-rnn ${name}`, patience);
  if (unlock) return unlock;
  throw new CheckpointError(
    'checkpoint-locked',
    `the browser's folder ${name}: a run is writing to it, perhaps in another tab. Stop that run first.`,
  );
}

/** @returns a function that unlocks it; undefined if another tab, or this one, keeps the lock */
async function lockName(name: string, patience: number): Promise<(() => void) | undefined> {
  const options = patience > 0 ? { signal: AbortSignal.timeout(patience) } : { ifAvailable: true };
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, options, (lock) => {
        if (!lock) return resolve(undefined);
        return new Promise<void>((release) => resolve(release));
      })
      .catch((error: DOMException) => (error.name === 'TimeoutError' ? resolve(undefined) : reject(error)));
  });
}
