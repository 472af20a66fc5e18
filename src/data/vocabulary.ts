/** The symbols that a model knows, numbered from 0 in order of code point (bytes: of value). */
export type TokenKind = 'character' | 'byte' | 'grapheme';
export type Normalization = 'none' | 'nfc';

export interface VocabularyInit {
  readonly kind: TokenKind;
  readonly normalize: Normalization;
  /** The symbols, sorted. A byte is the string of one character U+0000–U+00FF with its value. */
  readonly symbols: readonly string[];
  /** Whether one more symbol, numbered last, stands for every character that is not in `symbols`. */
  readonly hasUnknown: boolean;
  /** The Unicode version that cut the graphemes. */
  readonly unicodeVersion?: string | undefined;
}
