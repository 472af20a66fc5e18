/** Bytes that are read a part at a time: a file, which may be larger than memory has room for twice, or an array. */

export interface ByteSource {
  /** In bytes. */
  readonly size: number;
  /** A copy of the bytes from `begin` up to `end`, both within the size. */
  read(begin: number, end: number): Uint8Array<ArrayBuffer>;
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (begin, end) => new Uint8Array(bytes.subarray(begin, end)) };
}
