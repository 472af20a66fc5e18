/** Checkpoints in a folder, each written whole or not at all. */
import { randomBytes } from 'node:crypto';
import { lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { makeFolder } from '../util/make-folder.node.ts';
import { describeSystemError } from '../util/system-error.ts';
import { decodeIdentity } from './checkpoint-codec.ts';
import { headerEnd } from './safetensors.ts';
import type { CheckpointIdentity, CheckpointStorage } from './storage.ts';

/** The storage of a folder, which is made when missing. */
export function folderStorage(folder: string): CheckpointStorage {
  return {
    place: folder,
    async prepare() {
      try {
        await makeFolder(folder);
        // Permission bits tell little (root, read-only mounts, full disks): only writing shows that it can be written.
        const probe = temporaryPath(folder, 'probe');
        await writeSynced(probe, [Uint8Array.of(0)]).finally(() => rm(probe, { force: true }));
        await clearLeftovers(folder);
      } catch (error) {
        throw new CheckpointError(
          'checkpoint-unwritable',
          `${folder}: checkpoints can't be written there: ${describeSystemError(error)}. Name another folder with -checkpoint_dir.`,
          { cause: error },
        );
      }
    },
    identify: (name) => identify(join(folder, name)),
    async save(name, parts) {
      const path = join(folder, name);
      const temporary = temporaryPath(folder, name);
      try {
        await makeFolder(folder);
        await writeSynced(temporary, parts);
        await rename(temporary, path);
        await syncFolder(folder);
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => {});
        throw new CheckpointError(
          'checkpoint-save-failed',
          `${path} could not be saved: ${describeSystemError(error)}. Earlier checkpoints are untouched.`,
          { cause: error },
        );
      }
      return path;
    },
    remove: (path) => rm(path, { force: true }),
  };
}

/** A name beside the final one that nobody can have guessed and made a link of. */
function temporaryPath(folder: string, name: string): string {
  return join(folder, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
}

/** What `temporaryPath` makes. */
const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp$/;
/** A save of another run may be under way; none takes this long. */
const HOUR = 3_600_000;

/** Takes away what saves that were killed have left. */
async function clearLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!TEMPORARY.test(name)) continue;
    const path = join(folder, name);
    // One that is renamed just now is none.
    const facts = await lstat(path).catch(() => undefined);
    if (facts && Date.now() - facts.mtimeMs > HOUR) await rm(path, { force: true });
  }
}

async function writeSynced(path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for (const part of parts) await writeAll(file, part);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** `write` may take only a part of what it is given, as on a disk that becomes full. */
async function writeAll(file: Awaited<ReturnType<typeof open>>, bytes: Uint8Array): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
    at += bytesWritten;
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

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function identify(path: string): Promise<CheckpointIdentity | 'other' | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch {
    // Unless something is known to stand there, saving is tried, and says what is wrong.
    return (await exists(path)) ? 'other' : undefined;
  }
  try {
    const { size } = await file.stat();
    const prefix = new Uint8Array(8);
    await file.read(prefix, 0, prefix.length, 0);
    const header = new Uint8Array(Math.min(headerEnd(prefix) ?? 0, size));
    await file.read(header, 0, header.length, 0);
    return decodeIdentity(header, size, path);
  } catch {
    return 'other';
  } finally {
    await file.close();
  }
}
