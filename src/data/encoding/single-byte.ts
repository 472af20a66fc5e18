/** Single-byte encodings as tables of 256 characters. */
import type { EncodingName } from './encodings.ts';

/**
 * Bytes 0x80 to 0x9F in windows-1252. `TextDecoder` in Node 20 to 23 wrongly decodes them as control characters of Latin-1
 * (nodejs/node issue 56542).
 */
const WINDOWS_1252 =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

/** Marks a byte without a character in a table. */
export const NO_CHARACTER = '\ufffd';

const SINGLE_BYTE = /^(?:windows-|iso-8859-|koi8-|ibm866$|macintosh$|x-mac-cyrillic$)/;

const tables = new Map<EncodingName, readonly string[]>();

/** The character of each byte; undefined for a multi-byte encoding. */
export function singleByteTable(encoding: EncodingName): readonly string[] | undefined {
  if (!SINGLE_BYTE.test(encoding)) return undefined;
  const known = tables.get(encoding);
  if (known) return known;
  const decoder = new TextDecoder(encoding);
  const table = Array.from({ length: 256 }, (_, byte) => decoder.decode(Uint8Array.of(byte)));
  if (encoding === 'windows-1252') {
    Array.from(WINDOWS_1252).forEach((character, at) => {
      table[0x80 + at] = character;
    });
  }
  tables.set(encoding, table);
  return table;
}
