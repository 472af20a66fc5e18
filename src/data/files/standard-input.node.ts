/** Saves standard input to a file in the cache folder, so that it can be of any size and be read again. */
import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { TextError } from '../../errors.ts';
import { makeFolder, removeOnExit } from '../../util/files.node.ts';
import { formatBytes } from '../../util/format.ts';
import { describeSystemError } from '../../util/system-error.ts';
import { cachedTextFolder, markUsed, trimTextCache } from '../tokens/cache-folder.node.ts';

/** The name of the file. Each is in a separate folder. */
const SAVED_NAME = 'input.txt';

/** What to call it in messages. */
export const STANDARD_INPUT = 'standard input';

/** The path of the file, or the bytes if no file can be written. */
export type SavedInput = { readonly path: string } | { readonly bytes: Uint8Array };

let saved: Promise<SavedInput> | undefined;

/** Reads standard input on the first call. Later calls return the same result, since it can be read only once. */
export function saveStandardInput(memory: number): Promise<SavedInput> {
  saved ??= readInput(memory);
  return saved;
}

/**
 * Reads standard input to its end.
 *
 * @param memory Maximum bytes to hold in memory if the cache folder can't be written.
 * @throws {TextError} `text-unreadable`
 */
async function readInput(memory: number): Promise<SavedInput> {
  const temporary = cachedTextFolder(`.input.${randomBytes(6).toString('hex')}.tmp`);
  let file: FileHandle;
  try {
    await makeFolder(cachedTextFolder(''));
    file = await open(temporary, 'wx');
  } catch {
    return { bytes: await readAll(memory) };
  }
  const release = removeOnExit(temporary);
  try {
    const sha256 = await copyTo(file);
    const folder = cachedTextFolder(sha256.slice(0, 32));
    const path = join(folder, SAVED_NAME);
    await makeFolder(folder);
    await rename(temporary, path);
    await markUsed(folder);
    await trimTextCache(folder);
    return { path };
  } catch (error) {
    await rm(temporary, { force: true });
    if (!(error as NodeJS.ErrnoException).code) throw error;
    throw new TextError(
      'text-unreadable',
      `${STANDARD_INPUT} can't be saved in ${cachedTextFolder('')}: ${describeSystemError(error)}. Save it to a file and name that.`,
      { cause: error },
    );
  } finally {
    release();
  }
}

/** Whether a file holds a saved standard input. */
export function isSavedInput(path: string): boolean {
  return dirname(dirname(path)) === resolve(cachedTextFolder('')) && basename(path) === SAVED_NAME;
}

/** Copies standard input to a file and closes it. Returns the SHA-256 in hexadecimal. */
async function copyTo(file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      hash.update(chunk);
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

async function readAll(limit: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limit) {
      throw new TextError(
        'text-unreadable',
        `${STANDARD_INPUT} is larger than \`memory\` (${formatBytes(limit)}), and the cache folder can't be written. Save it to a file and name that.`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
