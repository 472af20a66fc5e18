/**
 * Characters before which a text can be cut without examining its context.
 *
 * Unicode normalisation never joins one to the text before it (UAX #15). A grapheme cluster ends between two of them (UAX #29), except
 * between CR and LF, and also before one of them, unless a prepended sign precedes it.
 *
 * They are letters, ideographs, punctuation and controls, but no combining marks, joiners, Hangul jamo, regional indicators, prepended signs
 * or pictographs. More characters would qualify, but these are the same in every version of Unicode.
 */
const RANGES: readonly (readonly [number, number])[] = [
  [0x0000, 0x00a8], // controls, Latin
  [0x00aa, 0x00ad],
  [0x00af, 0x02ff],
  [0x0370, 0x0482], // Greek, Cyrillic
  [0x048a, 0x058f], // Cyrillic, Armenian
  [0x1e00, 0x1fff], // Latin and Greek with accents
  [0x2010, 0x2027], // punctuation
  [0x2030, 0x203b],
  [0x203d, 0x2048],
  [0x204a, 0x205f],
  [0x20a0, 0x20c0], // currency
  [0x3001, 0x3029], // CJK punctuation
  [0x3041, 0x3096], // Hiragana
  [0x30a1, 0x30fa], // Katakana
  [0x3400, 0x4dbf], // ideographs
  [0x4e00, 0x9fff],
  [0xff01, 0xff9d], // full width
];

const TABLE = new Uint8Array(0x10000);
for (const [first, last] of RANGES) TABLE.fill(1, first, last + 1);

/** Whether a UTF-16 code unit is a simple character. */
export function isSimple(unit: number): boolean {
  return TABLE[unit] === 1;
}
