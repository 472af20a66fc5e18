/** Valid UTF-8 (RFC 3629), byte by byte. */

/** Bytes of the longest sequence. */
export const MAX_SEQUENCE = 4;

/** Bytes of the valid sequence at an offset; 0 where there is none. A sequence that is cut short is not valid. */
export function utf8Length(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  // The first continuation byte rules out overlong forms, surrogates and what lies beyond U+10FFFF.
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i];
    if (byte === undefined || byte < (i === 1 ? low : 0x80) || byte > (i === 1 ? high : 0xbf)) return 0;
  }
  return length;
}

/** Offset of the first byte, counted from 0, at which no valid sequence starts; −1 where there is none. */
export function firstInvalidByte(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const length = utf8Length(bytes, at);
    if (length === 0) return at;
    at += length;
  }
  return -1;
}
