/**
 * Detects the encoding of a text that is not UTF-8: the one in which a sample of it looks most like a language.
 *
 * Single-byte encodings are scored by their letters (docs/decisions/encodings.md): the score rises with each character beyond ASCII that is
 * a letter of one language, and falls with each capital after a small letter. For a multi-byte encoding, the text must be valid in it, and
 * the score depends on the most frequent characters of its language.
 */

import { isContinuation, utf8Length } from '../../util/utf8.ts';
import type { EncodingName } from './encodings.ts';
import { ALPHABETS, CYRILLIC, IDEOGRAPHS } from './languages.ts';
import { NO_CHARACTER, singleByteTable } from './single-byte.ts';

/** Maximum bytes of a sample. */
export const DETECTION_SAMPLE = 1 << 16;

/** Lowest mean score at which an encoding is accepted. */
const MIN_SCORE = 0.35;

/** Scores of a character beyond ASCII. */
const LETTER = 1;
const CAPITAL = 0.8;
const MARK = 0.9;
const OTHER_LETTER = 0;
const SYMBOL = -0.5;
const MIXED = -1;
const CONTROL = -2;
/** The encodings to consider if quotes, dashes and the like are the only characters beyond ASCII. */
const ENGLISH = ['windows-1252', 'macintosh'];
/** Weight of a valid UTF-8 sequence by its length: long ones rarely occur by chance. */
const SEQUENCE_WEIGHTS = [0, 0, 1, 3, 6];
/** Score added if the share of vowels among Cyrillic letters is below `MIN_VOWELS`. */
const CONSONANTS = -0.15;
const MIN_VOWELS = 0.3;

/** Punctuation and signs of all European languages. */
const MARKS = new Set('’‘“”„‚‹›«»–—…·•°§©®™€£¿¡№ªº½¼¾\u00a0\u00ad×±²³´†');

/**
 * @param sample A part of the text with at least one byte beyond ASCII. It may begin and end within a character.
 * @returns undefined if it looks like text in no encoding
 */
export function detectEncoding(sample: Uint8Array): EncodingName | undefined {
  const bytes = sample.subarray(0, DETECTION_SAMPLE);
  let best: EncodingName | undefined;
  let highest = MIN_SCORE;
  const take = (encoding: EncodingName, score: number) => {
    if (score <= highest + 1e-9) return;
    best = encoding;
    highest = score;
  };
  const pairs = pairsOf(bytes);
  for (const [encoding, languages] of ALPHABETS) take(encoding, alphabetScore(pairs, encoding, languages));
  for (const [encoding, frequent] of IDEOGRAPHS) take(encoding, ideographScore(bytes, encoding, frequent));
  return best;
}

/** Whether ASCII bytes are ISO-2022-JP, which switches to two bytes per character by escape sequences. */
export function isIso2022Jp(sample: Uint8Array): boolean {
  for (let at = sample.indexOf(0x1b); at >= 0; at = sample.indexOf(0x1b, at + 1)) {
    const [a, b] = [sample[at + 1], sample[at + 2]];
    if ((a === 0x24 && (b === 0x40 || b === 0x42)) || (a === 0x28 && b === 0x4a)) return true;
  }
  return false;
}

/**
 * Whether a text is damaged UTF-8: it has more valid multi-byte sequences than would occur by chance in another encoding, or ends in
 * the middle of a sequence.
 *
 * @param isWhole Whether the text ends with the sample.
 */
export function isDamagedUtf8(sample: Uint8Array, isWhole: boolean): boolean {
  let valid = 0;
  let weight = 0;
  let invalid = 0;
  let isCut = false;
  for (let at = 0; at < sample.length; ) {
    const length = utf8Length(sample, at) || forbiddenLength(sample, at);
    if (length === 1) {
      at++;
      continue;
    }
    if (length > 1) {
      valid++;
      weight += SEQUENCE_WEIGHTS[length] ?? 0;
      at += length;
      continue;
    }
    const begun = sample.length - at;
    isCut = (sample[at] as number) >= 0xe0 && begun > 1 && begun < 4 && isSequenceStart(sample.subarray(at));
    if (isCut) break;
    invalid++;
    at++;
    // The remaining continuation bytes belong to the same fault.
    while (at < sample.length && isContinuation(sample[at] as number)) at++;
  }
  if (isCut && isWhole && invalid === 0) return true;
  return valid > 0 && (weight >= 2 * invalid || invalid === 1);
}

/** Length of a well-formed sequence that is not allowed: a surrogate, an overlong form, or a code point above U+10FFFF. Otherwise 0. */
function forbiddenLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0xc0 || first > 0xf7) return 0;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  for (let i = 1; i < length; i++) if (!isContinuation(bytes[at + i] ?? 0)) return 0;
  return length;
}

/** Whether the bytes are exactly the beginning of a UTF-8 sequence. */
function isSequenceStart(bytes: Uint8Array): boolean {
  const full = new Uint8Array(4).fill(0x80);
  full.set(bytes);
  const second = full[1] as number;
  return (
    bytes.subarray(1).every(isContinuation) && isContinuation(second) && utf8Length(full, 0) > bytes.length
  );
}

/** How often each pair of neighbouring bytes occurs. The key is 256 · previous byte + byte; the first byte follows a space. */
function pairsOf(bytes: Uint8Array): Map<number, number> {
  const pairs = new Map<number, number>();
  let before = 0x20;
  for (const byte of bytes) {
    const pair = (before << 8) | byte;
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    before = byte;
  }
  return pairs;
}

/** The mean score of characters beyond ASCII, in the language that fits best. */
function alphabetScore(
  pairs: ReadonlyMap<number, number>,
  encoding: EncodingName,
  languages: readonly string[],
): number {
  const table = singleByteTable(encoding);
  if (!table) return 0;
  const isLatin = /[a-z]/i.test((languages[0] ?? '').normalize('NFD'));
  const shared = { sum: 0, count: 0 };
  const letters = new Map<string, { lower: number; capital: number }>();
  for (const [pair, count] of pairs) {
    const byte = pair & 0xff;
    const character = table[byte] as string;
    const before = table[pair >> 8] as string;
    if (byte >= 0x80) {
      shared.count += count;
      // A byte other than 0xA0 that decodes to a no-break space, such as 0xFF, is more likely to be padding.
      const isOddSpace = character === '\u00a0' && byte !== 0xa0;
      const fixed = isOddSpace ? SYMBOL : fixedScore(character, before, isLatin);
      if (fixed !== undefined) shared.sum += count * fixed;
      else {
        const lower = character.toLowerCase();
        const counts = letters.get(lower) ?? { lower: 0, capital: 0 };
        if (lower === character) counts.lower += count;
        else counts.capital += count;
        letters.set(lower, counts);
      }
    } else if (!isLatin && isAsciiLetter(byte) && isLetter(before) && !/[a-z]/i.test(before)) {
      shared.sum += count * MIXED;
    }
  }
  const sums = languages.map((language) => {
    let sum = 0;
    for (const [letter, { lower, capital }] of letters) {
      sum += language.includes(letter)
        ? LETTER * lower + CAPITAL * capital
        : OTHER_LETTER * (lower + capital);
    }
    return sum;
  });
  if (shared.count === 0) return 0;
  // A text whose only characters beyond ASCII are quotes and dashes is assumed to be English.
  if (letters.size === 0 && !ENGLISH.includes(encoding)) return 0;
  const consonants = languages === CYRILLIC && !hasVowels(letters) ? CONSONANTS : 0;
  return (shared.sum + Math.max(...sums)) / shared.count + consonants;
}

/** Whether enough letters are vowels. Hebrew text, read as Cyrillic, has few. */
function hasVowels(
  letters: ReadonlyMap<string, { readonly lower: number; readonly capital: number }>,
): boolean {
  let vowels = 0;
  let all = 0;
  for (const [letter, { lower, capital }] of letters) {
    all += lower + capital;
    if ('аеёиіїоуўыэюяє'.includes(letter)) vowels += lower + capital;
  }
  return vowels >= MIN_VOWELS * all;
}

/** The score of a character in any language; undefined for a letter, whose score depends on the language. */
function fixedScore(character: string, before: string, isLatin: boolean): number | undefined {
  if (MARKS.has(character))
    return isLetter(before) && /[\u00b2\u00b3\u00bf\u00a1\u00ba\u00aa\u00b4]/.test(character) ? SYMBOL : MARK;
  if (character === NO_CHARACTER || /\p{Cc}/u.test(character)) return CONTROL;
  if (!/\p{L}|\p{M}/u.test(character)) return SYMBOL;
  if (!isLatin && /[a-z]/i.test(before)) return MIXED;
  // A capital after a small letter suggests that the case is swapped.
  const isCapital = character !== character.toLowerCase();
  if (isCapital && isLetter(before) && before === before.toLowerCase() && before !== before.toUpperCase())
    return MIXED;
  return undefined;
}

/** Score by the share of frequent characters beyond ASCII, scaled up: they are at most a third of any text. */
function ideographScore(bytes: Uint8Array, encoding: EncodingName, frequent: string): number {
  const text = decodedWhole(bytes, encoding);
  if (text === undefined) return 0;
  const set = new Set(frequent);
  let beyond = 0;
  let known = 0;
  for (const character of text) {
    if (character < '\u0080') continue;
    beyond++;
    if (set.has(character)) known++;
  }
  return beyond === 0 ? 0 : Math.min(1, 0.3 + 2 * (known / beyond));
}

/** Decodes a sample that may begin and end within a character; undefined if it is invalid. */
function decodedWhole(bytes: Uint8Array, encoding: EncodingName): string | undefined {
  for (let start = 0; start < 4; start++) {
    try {
      // With `stream`, an incomplete character at the end is no error.
      return new TextDecoder(encoding, { fatal: true }).decode(bytes.subarray(start), { stream: true });
    } catch {
      // Invalid, or an encoding that this platform does not support.
    }
    if (bytes.length < DETECTION_SAMPLE) break;
  }
  return undefined;
}

function isAsciiLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

function isLetter(character: string): boolean {
  return /\p{L}/u.test(character);
}
