/** Random access to bytes in a file or an array, so that a large file is not read into memory as a whole. */

export interface ByteSource {
  /** In bytes. */
  readonly size: number;
  /** A copy of the bytes from `begin` to `end` − 1. */
  read(begin: number, end: number): Uint8Array<ArrayBuffer>;
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (begin, end) => new Uint8Array(bytes.subarray(begin, end)) };
}
