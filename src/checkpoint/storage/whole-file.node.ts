/** Writes files completely or not at all. */
import { randomBytes } from 'node:crypto';
import { lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Who writes a temporary file: the training that holds the folder's lock, or any other process. */
export type Writer = 'training' | 'other';

const ENDINGS: Readonly<Record<Writer, string>> = { training: 'saving', other: 'tmp' };

/** Names made by `temporaryPath`, now and in earlier versions. */
const TEMPORARY = /^\..+\.[0-9a-f]{12}\.(saving|tmp)$/;
/** In milliseconds. No save takes longer, so an older temporary file has been abandoned. */
const HOUR = 3_600_000;

/**
 * Writes a file under a temporary name, syncs and renames it, and syncs the folder. Replaces an earlier file of that name.
 *
 * @param parts Generated one at a time, as they are written.
 * @param check Called with the temporary file once it is written. If it throws, the file is not kept.
 * @throws a system error; the earlier file is then untouched
 */
export async function writeWhole(
  path: string,
  parts: Iterable<Uint8Array>,
  writer: Writer = 'other',
  check: (temporary: string) => void = () => {},
): Promise<void> {
  await replaceWith(path, writer, async (temporary) => {
    await writeSynced(temporary, parts);
    check(temporary);
  });
}

/** Makes a file under a temporary name and renames it, replacing an earlier file. */
export async function replaceWith(
  path: string,
  writer: Writer,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryPath(path, writer);
  try {
    await make(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}

/**
 * Deletes temporary files of killed processes from a folder: those of runs immediately, since the caller holds the lock, and all others after
 * an hour.
 */
export async function clearLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const ending = TEMPORARY.exec(name)?.[1];
    if (ending === undefined) continue;
    const path = join(folder, name);
    // The file may have just been renamed.
    const facts = await lstat(path).catch(() => undefined);
    const isOld = facts !== undefined && Date.now() - facts.mtimeMs > HOUR;
    if (isOld || ending === ENDINGS.training) await rm(path, { force: true });
  }
}

/** A random name, so that nobody can have put a link there. */
function temporaryPath(path: string, writer: Writer): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.${ENDINGS[writer]}`);
}

async function writeSynced(path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for (const batch of batches(parts)) await writeAll(file, batch);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** One call writes a batch of at least this many bytes, or of this many parts. */
const BATCH_BYTES = 2 ** 20;
const BATCH_PARTS = 256;

function* batches(parts: Iterable<Uint8Array>): Generator<Uint8Array[], void, void> {
  let batch: Uint8Array[] = [];
  let bytes = 0;
  for (const part of parts) {
    batch.push(part);
    bytes += part.length;
    if (bytes < BATCH_BYTES && batch.length < BATCH_PARTS) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Writes a batch completely. `writev` may write only a part of it, for example on a disk that becomes full. */
async function writeAll(file: Awaited<ReturnType<typeof open>>, batch: readonly Uint8Array[]): Promise<void> {
  let rest = batch.filter((part) => part.length > 0);
  while (rest.length > 0) {
    let { bytesWritten: written } = await file.writev(rest);
    rest = rest.flatMap((part) => {
      const done = Math.min(written, part.length);
      written -= done;
      return done === part.length ? [] : [part.subarray(done)];
    });
  }
}

/** Makes the new name survive a power cut, if the system supports it. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows can't open a folder, and some file systems can't sync one. The file itself is synced.
  }
}
