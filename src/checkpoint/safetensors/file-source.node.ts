/** A file as a source of bytes. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { CheckpointError } from '../../errors.ts';
import { formatBytes } from '../../util/format.ts';
import type { ByteSource } from './byte-source.ts';

/** Node reads less than 2 GiB at once. */
const LARGEST_READ = 2 ** 30;

/**
 * Opens a file while `use` reads from it.
 *
 * It stays the same file if another one gets its name meanwhile.
 *
 * @throws {CheckpointError} `checkpoint-truncated` when it is cut while it is read; `checkpoint-unreadable` for a part that is too large
 * @throws an error of the system
 */
export function withFile<T>(path: string, use: (file: ByteSource) => T): T {
  const file = openSync(path, 'r');
  try {
    return use({ size: fstatSync(file).size, read: (begin, end) => readPart(file, begin, end, path) });
  } finally {
    closeSync(file);
  }
}

function readPart(file: number, begin: number, end: number, path: string): Uint8Array<ArrayBuffer> {
  const bytes = emptyBytes(end - begin, path);
  for (let at = 0; at < bytes.length; ) {
    const read = readSync(file, bytes, at, Math.min(bytes.length - at, LARGEST_READ), begin + at);
    if (read === 0) throw new CheckpointError('checkpoint-truncated', `${path} was cut while it was read.`);
    at += read;
  }
  return bytes;
}

/** An array of more bytes than Node allows, or than there is memory for, can't be made. */
function emptyBytes(size: number, path: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CheckpointError(
      'checkpoint-unreadable',
      `${path} is too large: ${formatBytes(size)} of it would have to be in memory as one array.`,
      { cause: error },
    );
  }
}
