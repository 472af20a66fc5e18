/**
 * Cyclic redundancy checks of 32 bits: CRC-32C (Castagnoli, RFC 3720) for TensorBoard's files, CRC-32 for zip archives.
 * `node:zlib` has the second, but a page does not.
 */

/** @param polynomial Reflected: the lowest bit stands for the highest power. */
function tableOf(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? polynomial : 0);
    return remainder;
  });
}

const CASTAGNOLI = tableOf(0x82f63b78);
const ZIP = tableOf(0xedb88320);

export function crc32c(bytes: Uint8Array): number {
  return (update(0xffffffff, bytes, CASTAGNOLI) ^ 0xffffffff) >>> 0;
}

/** The checksum of the concatenated parts. */
export function crc32(...parts: readonly Uint8Array[]): number {
  return (parts.reduce((sum, part) => update(sum, part, ZIP), 0xffffffff) ^ 0xffffffff) >>> 0;
}

function update(sum: number, bytes: Uint8Array, table: Uint32Array): number {
  let value = sum;
  for (const byte of bytes) value = (table[(value ^ byte) & 0xff] as number) ^ (value >>> 8);
  return value;
}
