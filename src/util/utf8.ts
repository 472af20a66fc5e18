/** UTF-8, byte by byte (RFC 3629). */

/** Bytes of the sequence that a byte begins; 1 for one that begins none. */
export function sequenceLength(first: number): number {
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 1;
}

/** Whether a byte goes on with a sequence. */
export function continues(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
