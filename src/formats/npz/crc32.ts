/** CRC-32 as zip archives have it (polynomial 0xEDB88320, reflected). `node:zlib` has one too, but a page does not. */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
  return remainder;
});

/** The sum of some bytes that follow each other in parts. */
export function crc32(...parts: readonly Uint8Array[]): number {
  let sum = 0xffffffff;
  for (const part of parts) {
    for (const byte of part) sum = (sum >>> 8) ^ (TABLE[(sum ^ byte) & 0xff] as number);
  }
  return (sum ^ 0xffffffff) >>> 0;
}
