/** Random access to the bytes of a file. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { CheckpointError } from '../../errors.ts';
import { formatBytes } from '../../util/format.ts';
import type { ByteSource } from './byte-source.ts';

/** Node reads less than 2 GiB per call. */
const MAX_READ = 2 ** 30;

/**
 * Opens a file, calls `use` and closes the file.
 *
 * If another file takes its name meanwhile, `use` still reads the same file.
 *
 * @throws {CheckpointError} `checkpoint-truncated` if it becomes shorter meanwhile; `checkpoint-unreadable` for a part that is too large
 * @throws a system error
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
    const read = readSync(file, bytes, at, Math.min(bytes.length - at, MAX_READ), begin + at);
    if (read === 0)
      throw new CheckpointError('checkpoint-truncated', `${path} became shorter while it was being read.`);
    at += read;
  }
  return bytes;
}

/** Allocates an array. This fails if it is larger than Node allows or memory can hold. */
function emptyBytes(size: number, path: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CheckpointError(
      'checkpoint-unreadable',
      `${path} is too large: reading it needs an array of ${formatBytes(size)}.`,
      { cause: error },
    );
  }
}
