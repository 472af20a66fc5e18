/** Replaces a symbol that a model does not know with the nearest known symbols. */

import type { Vocabulary } from '../vocabulary.ts';
import { segment } from './tokenizer.ts';

/** Typographic characters with their ASCII equivalents. */
const TYPEWRITER: Readonly<Record<string, string>> = {
  '\u2018': "'",
  '\u2019': "'",
  '\u201a': "'",
  '\u201b': "'",
  '\u2032': "'",
  '\u201c': '"',
  '\u201d': '"',
  '\u201e': '"',
  '\u201f': '"',
  '\u2033': '"',
  '\u00ab': '"',
  '\u00bb': '"',
  '\u2010': '-',
  '\u2011': '-',
  '\u2012': '-',
  '\u2013': '-',
  '\u2014': '-',
  '\u2015': '-',
  '\u2212': '-',
  '\u00a0': ' ',
  '\u2002': ' ',
  '\u2003': ' ',
  '\u2009': ' ',
  '\u202f': ' ',
  '\u3000': ' ',
  '\t': ' ',
};

/** ASCII characters with their typographic equivalents, the likeliest first: for an apostrophe, the closing quotation mark. */
const TYPOGRAPHIC: Readonly<Record<string, readonly string[]>> = {
  "'": ['\u2019', '\u2018'],
  '"': ['\u201d', '\u201c'],
  '-': ['\u2010', '\u2013', '\u2014'],
};
const MOST_TYPOGRAPHIC = Math.max(...Object.values(TYPOGRAPHIC).map(({ length }) => length));

function otherCase(text: string): string {
  const lower = text.toLowerCase();
  return lower === text ? text.toUpperCase() : lower;
}

const compatible = (text: string) => text.normalize('NFKC');
const unmarked = (text: string) => compatible(text).normalize('NFKD').replace(/\p{M}/gu, '');
const typewritten = (text: string) => Array.from(text, (char) => TYPEWRITER[char] ?? char).join('');

const typeset = (text: string, choice: number) =>
  Array.from(text, (char) => TYPOGRAPHIC[char]?.[choice] ?? char).join('');

/** Replacements in the order to try: NFKC, no marks, the other case, ASCII for typographic characters, typographic for ASCII. */
const ATTEMPTS: readonly ((text: string) => string)[] = [
  compatible,
  unmarked,
  otherCase,
  (text) => otherCase(compatible(text)),
  (text) => otherCase(unmarked(text)),
  typewritten,
  ...Array.from({ length: MOST_TYPOGRAPHIC }, (_, choice) => (text: string) => typeset(text, choice)),
];

/** The first replacement whose symbols are all known; undefined if there is none. */
export function nearestKnown(vocabulary: Vocabulary, symbol: string): string[] | undefined {
  for (const attempt of ATTEMPTS) {
    const symbols = [...segment(attempt(symbol), vocabulary.kind)];
    if (symbols.length > 0 && symbols.every((known) => vocabulary.tokenOf(known) !== undefined))
      return symbols;
  }
  return undefined;
}
