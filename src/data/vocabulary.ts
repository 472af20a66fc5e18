/** The symbols that a model knows, numbered from 0 by code point, or by value for bytes. */
import { TextError } from '../errors.ts';

export type TokenKind = 'character' | 'byte' | 'grapheme';
export type Normalization = 'none' | 'nfc';

export interface VocabularyInput {
  readonly kind: TokenKind;
  readonly normalize: Normalization;
  /** The symbols, sorted. A byte is written as the character U+0000–U+00FF with its value. */
  readonly symbols: readonly string[];
  /** Whether there is one more symbol, with the last number, for everything that is not in `symbols`. */
  readonly hasUnknown: boolean;
  /** The Unicode version by which graphemes were split. */
  readonly unicodeVersion?: string | undefined;
}

/** Displayed for the unknown symbol. */
const REPLACEMENT = '\uFFFD';

export class Vocabulary {
  readonly kind: TokenKind;
  readonly normalize: Normalization;
  readonly symbols: readonly string[];
  readonly hasUnknown: boolean;
  readonly unicodeVersion: string | undefined;
  readonly #tokens: ReadonlyMap<string, number>;
  readonly #encoder = new TextEncoder();

  /** @throws {RangeError} if the symbols are not in ascending order or not of the kind */
  constructor(input: VocabularyInput) {
    this.kind = input.kind;
    this.normalize = input.normalize;
    this.symbols = [...input.symbols];
    this.hasUnknown = input.hasUnknown;
    this.unicodeVersion = input.unicodeVersion;
    this.symbols.forEach((symbol, index) => {
      checkSymbol(symbol, input.kind);
      const before = this.symbols[index - 1];
      if (before !== undefined && compareCodePoints(before, symbol) >= 0) {
        throw new RangeError(
          `the vocabulary is not sorted, or repeats a symbol: symbol ${index} is not greater than the one before`,
        );
      }
    });
    this.#tokens = new Map(this.symbols.map((symbol, token) => [symbol, token]));
  }

  /** Restores a vocabulary that lost its methods in a structured clone, as between a worker and a page. */
  static from(data: VocabularyInput): Vocabulary {
    return data instanceof Vocabulary ? data : new Vocabulary(data);
  }

  /**
   * The vocabulary of a text.
   *
   * @param counts How often each symbol occurs.
   * @param options.minCount Symbols that occur less often become the unknown symbol.
   * @throws {TextError} `text-one-character` if fewer than two symbols are left
   */
  static fromCounts(
    counts: ReadonlyMap<string, number>,
    options: Pick<VocabularyInput, 'kind' | 'normalize' | 'unicodeVersion'> & { readonly minCount: number },
  ): Vocabulary {
    const kept = [...counts].filter(([, count]) => count >= options.minCount).map(([symbol]) => symbol);
    const vocabulary = new Vocabulary({
      kind: options.kind,
      normalize: options.normalize,
      symbols: kept.sort(compareCodePoints),
      hasUnknown: kept.length < counts.size,
      unicodeVersion: options.unicodeVersion,
    });
    if (vocabulary.size >= 2) return vocabulary;
    throw new TextError(
      'text-one-character',
      counts.size < 2
        ? 'the text repeats one symbol: there is nothing to learn. It needs at least two different symbols.'
        : `no symbol occurs ${options.minCount} times: \`minCount\` leaves nothing to learn. Use a smaller one.`,
    );
  }

  /** Number of tokens, including the unknown one. */
  get size(): number {
    return this.symbols.length + (this.hasUnknown ? 1 : 0);
  }

  /** The token of the unknown symbol, if there is one. */
  get unknownToken(): number | undefined {
    return this.hasUnknown ? this.symbols.length : undefined;
  }

  /** The token of a symbol; undefined if it is not in the vocabulary. */
  tokenOf(symbol: string): number | undefined {
    return this.#tokens.get(symbol);
  }

  /** The symbol of a token; U+FFFD for the unknown token. */
  symbolOf(token: number): string {
    return this.symbols[token] ?? REPLACEMENT;
  }

  /** A token's text in UTF-8; in a vocabulary of bytes, its byte. */
  bytesOf(token: number): Uint8Array {
    const symbol = this.symbols[token];
    if (this.kind === 'byte' && symbol !== undefined) return Uint8Array.of(symbol.charCodeAt(0));
    return this.#encoder.encode(symbol ?? REPLACEMENT);
  }

  /** The text of some tokens in UTF-8; in a vocabulary of bytes, their bytes. */
  bytesOfAll(tokens: Iterable<number>): Uint8Array {
    let text = '';
    for (const token of tokens) text += this.symbols[token] ?? REPLACEMENT;
    return this.kind === 'byte'
      ? Uint8Array.from(text, (byte) => byte.charCodeAt(0))
      : this.#encoder.encode(text);
  }

  /** A text in the normal form that the model was trained on. */
  normalized(text: string): string {
    return this.normalize === 'nfc' ? text.normalize('NFC') : text;
  }

  equals(other: Vocabulary): boolean {
    return (
      this.kind === other.kind &&
      this.normalize === other.normalize &&
      this.hasUnknown === other.hasUnknown &&
      this.symbols.length === other.symbols.length &&
      this.symbols.every((symbol, token) => symbol === other.symbols[token])
    );
  }
}

/** Order by code point, which differs from JavaScript's own (UTF-16) order above U+FFFF. */
export function compareCodePoints(a: string, b: string): number {
  const left = a[Symbol.iterator]();
  const right = b[Symbol.iterator]();
  for (;;) {
    const x = left.next();
    const y = right.next();
    if (x.done || y.done) return (x.done ? 0 : 1) - (y.done ? 0 : 1);
    const difference = (x.value.codePointAt(0) as number) - (y.value.codePointAt(0) as number);
    if (difference !== 0) return difference;
  }
}

function checkSymbol(symbol: string, kind: TokenKind): void {
  const fits =
    kind === 'byte'
      ? symbol.length === 1 && symbol.charCodeAt(0) <= 0xff
      : kind === 'character'
        ? symbol.length > 0 && symbol.length === String.fromCodePoint(symbol.codePointAt(0) as number).length
        : symbol.length > 0;
  if (!fits) throw new RangeError(`${JSON.stringify(symbol)} is not a single ${kind}`);
}
