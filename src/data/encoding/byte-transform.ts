/** Turns the blocks of a text into others. */
export interface ByteTransform {
  /** @param isLast Whether the text ends with the block; then nothing is held back. */
  push(bytes: Uint8Array, isLast: boolean): Uint8Array;
}
