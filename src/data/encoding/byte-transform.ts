/** Transforms a text block by block. */
export interface ByteTransform {
  /** @param isLast Whether the text ends with this block. If so, nothing is held back. */
  push(bytes: Uint8Array, isLast: boolean): Uint8Array;
}
