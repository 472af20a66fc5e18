/** Files that are written whole or not at all. */
import { randomBytes } from 'node:crypto';
import { lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Whose temporary file it is: of the training that holds the folder's lock, or of anybody. */
export type Writer = 'training' | 'anybody';

const ENDINGS: Readonly<Record<Writer, string>> = { training: 'saving', anybody: 'tmp' };

/** What `temporaryPath` makes, and what earlier versions made. */
const TEMPORARY = /^\..+\.[0-9a-f]{12}\.(saving|tmp)$/;
/** Nobody's save takes longer. */
const HOUR = 3_600_000;

/**
 * Writes a file: under a temporary name, synced, then renamed; the folder is synced too. An earlier file of the name is replaced.
 *
 * @param parts Asked for one after the other, as they are written.
 * @param check Given the temporary file once it is written; what it throws ends the write.
 * @throws an error of the system; then the earlier file is untouched
 */
export async function writeWhole(
  path: string,
  parts: Iterable<Uint8Array>,
  writer: Writer = 'anybody',
  check: (temporary: string) => void = () => {},
): Promise<void> {
  await replaceWith(path, writer, async (temporary) => {
    await writeSynced(temporary, parts);
    check(temporary);
  });
}

/** Makes something under a temporary name and gives it its own, in place of what had it. */
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
 * Takes away what saves that were killed have left in a folder: at once those of trainings, whose lock the caller holds, after an hour
 * those of anybody.
 */
export async function clearLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const ending = TEMPORARY.exec(name)?.[1];
    if (ending === undefined) continue;
    const path = join(folder, name);
    // One that is renamed just now is none.
    const facts = await lstat(path).catch(() => undefined);
    const isOld = facts !== undefined && Date.now() - facts.mtimeMs > HOUR;
    if (isOld || ending === ENDINGS.training) await rm(path, { force: true });
  }
}

/** A name beside the final one that nobody can have guessed and made a link of. */
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

/** A batch is written by one call: many small parts, or at least this many bytes. */
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

/** `writev` may take only a part of what it is given, as on a disk that becomes full. */
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

/** Makes the new name last through a power cut, where the system can. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows can't open a folder, some file systems can't sync one; the file itself is synced.
  }
}
