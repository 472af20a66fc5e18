/** Detects UTF-16 and UTF-32 by their byte order marks or, without one, by the positions of NUL bytes. */

export type WideEncoding = 'utf-16le' | 'utf-16be' | 'utf-32le' | 'utf-32be';

export interface WideText {
  readonly encoding: WideEncoding;
  /** Length of the byte order mark; 0 without one. */
  readonly mark: number;
}

/** UTF-32 first: its little-endian mark begins with that of UTF-16. */
const MARKS: readonly (readonly [mark: readonly number[], encoding: WideEncoding])[] = [
  [[0xff, 0xfe, 0, 0], 'utf-32le'],
  [[0, 0, 0xfe, 0xff], 'utf-32be'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];

/** Bytes to examine. */
const SAMPLE = 4096;
/** Minimum share of 16-bit units whose high byte is below 0x20, or that are kana. */
const MIN_SMALL_HIGH_BYTES = 0.4;
/** If that share is too small: minimum share of units in which a byte is beyond ASCII. */
const MIN_BEYOND_ASCII = 0.2;
/** Maximum share of low bytes that are zero, as in U+0100 and U+3000. */
const MAX_ZERO_LOW_BYTES = 0.25;
/** Minimum share of characters that are letters, marks, digits, punctuation, symbols or white space. */
const MIN_PRINTABLE = 0.97;

/** @param start The first bytes of a file. */
export function wideEncoding(start: Uint8Array): WideText | undefined {
  for (const [mark, encoding] of MARKS) {
    if (!mark.every((byte, at) => start[at] === byte)) continue;
    const rest = start.subarray(mark.length, mark.length + SAMPLE);
    if (rest.length === 0 || rest.some((byte) => byte !== 0)) return { encoding, mark: mark.length };
  }
  const sample = start.subarray(0, SAMPLE);
  if (!sample.includes(0)) return undefined;
  for (const [, encoding] of MARKS) if (isTextIn(sample, encoding)) return { encoding, mark: 0 };
  return undefined;
}

function isTextIn(sample: Uint8Array, encoding: WideEncoding): boolean {
  const width = encoding.startsWith('utf-32') ? 4 : 2;
  const units = sample.subarray(0, sample.length - (sample.length % width));
  if (units.length === 0 || (sample.length < SAMPLE && units.length !== sample.length)) return false;
  return width === 4
    ? isUtf32(units, encoding === 'utf-32le')
    : isUtf16(units, encoding === 'utf-16le') && isPrintable(decoded16(units, encoding));
}

function isUtf32(units: Uint8Array, isLittle: boolean): boolean {
  const view = new DataView(units.buffer, units.byteOffset, units.length);
  let text = '';
  for (let at = 0; at < units.length; at += 4) {
    const point = view.getUint32(at, isLittle);
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    text += String.fromCodePoint(point);
  }
  return isPrintable(text);
}

/** Judges by bytes only: pairs of ASCII characters are letters in UTF-16 too. */
function isUtf16(units: Uint8Array, isLittle: boolean): boolean {
  const count = units.length / 2;
  let zeroLows = 0;
  let zeroHighs = 0;
  let lowHighs = 0;
  let beyond = 0;
  for (let at = 0; at < units.length; at += 2) {
    const high = units[isLittle ? at + 1 : at] as number;
    const low = units[isLittle ? at : at + 1] as number;
    if (low === 0) zeroLows++;
    if (high === 0) zeroHighs++;
    const isKana = high === 0x30 && low > 0x40;
    if (high < 0x20 || isKana) lowHighs++;
    if (high >= 0x80 || low >= 0x80) beyond++;
  }
  return (
    zeroHighs > 0 &&
    zeroLows <= MAX_ZERO_LOW_BYTES * count &&
    (lowHighs >= MIN_SMALL_HIGH_BYTES * count || beyond >= MIN_BEYOND_ASCII * count)
  );
}

function decoded16(units: Uint8Array, encoding: WideEncoding): string {
  const text = new TextDecoder(encoding, { ignoreBOM: true }).decode(units);
  // The sample may end between two surrogates.
  return text.replace(/\ufffd$/, '');
}

function isPrintable(text: string): boolean {
  if (text.includes('\0')) return false;
  const printed = text.match(/[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\t\n\r\f\v\u2028\u2029\p{Cf}]/gu)?.length ?? 0;
  const others = text.match(/\ufffd/g)?.length ?? 0;
  return printed - others >= MIN_PRINTABLE * Array.from(text).length;
}
