/** Reads a log in pieces, also while it grows. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Bytes at the start of a log that identify it. */
const HEAD_BYTES = 512;
/** A link at the path is not followed: it could point anywhere. Opening a pipe must not wait for its other end. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

export interface LogPiece {
  /** The next bytes; none at the end of the file. */
  readonly bytes: Uint8Array;
  /** Whether they come from the beginning of the file, because it was replaced or became shorter. */
  readonly isRestart: boolean;
  /** Whether there is more to read. */
  readonly hasMore: boolean;
}

/** Identifies the content of a file, as far as the file system knows it. */
export interface FileStamp {
  readonly device: number;
  readonly inode: number;
  readonly size: number;
  readonly modified: number;
}

export function isSameStamp(a: FileStamp | undefined, b: FileStamp): boolean {
  return a?.device === b.device && a.inode === b.inode && a.size === b.size && a.modified === b.modified;
}

export class LogFile {
  readonly #path: string;
  #stamp: FileStamp | undefined;
  #head: Uint8Array = new Uint8Array();
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Reads on.
   *
   * @param maxBytes Of a piece.
   * @throws a system error, for example if the file was deleted
   */
  next(maxBytes: number): LogPiece {
    const file = openSync(this.#path, FLAGS);
    try {
      const { dev, ino, size, mtimeMs } = fstatSync(file);
      const isKnown = this.#stamp?.device === dev && this.#stamp.inode === ino && size >= this.#offset;
      const isRestart = !isKnown || !this.#hasHead(file);
      if (isRestart) this.#offset = 0;
      this.#stamp = { device: dev, inode: ino, size, modified: mtimeMs };
      const bytes = readAt(file, this.#offset, Math.min(maxBytes, size - this.#offset));
      if (this.#offset === 0) this.#head = bytes.slice(0, HEAD_BYTES);
      this.#offset += bytes.length;
      return { bytes, isRestart, hasMore: bytes.length > 0 && this.#offset < size };
    } finally {
      closeSync(file);
    }
  }

  #hasHead(file: number): boolean {
    const head = readAt(file, 0, this.#head.length);
    return head.length === this.#head.length && head.every((byte, at) => byte === this.#head[at]);
  }
}

/** The beginning and the end of a file. They overlap in a short file. @throws a system error */
export function readEnds(
  path: string,
  bytes: number,
): { readonly head: Uint8Array; readonly tail: Uint8Array } {
  const file = openSync(path, FLAGS);
  try {
    const { size } = fstatSync(file);
    return { head: readAt(file, 0, bytes), tail: readAt(file, Math.max(0, size - bytes), bytes) };
  } finally {
    closeSync(file);
  }
}

/** At most this many bytes from an offset on; fewer at the end of the file. */
function readAt(file: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, length));
  let at = 0;
  while (at < bytes.length) {
    const read = readSync(file, bytes, at, bytes.length - at, offset + at);
    if (read === 0) break;
    at += read;
  }
  return bytes.subarray(0, at);
}
