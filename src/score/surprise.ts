/** Finds the characters that a model expected least, with their place in the text and the text before them. */
import { symbolBytes, symbolText } from '../data/symbols/symbol-text.ts';
import type { TokenKind, Vocabulary } from '../data/vocabulary.ts';
import { isContinuation } from '../util/utf8.ts';
import type { ScoredSpan } from './score-sequences.ts';

export interface SurprisingPlace {
  /** −log₂ p. */
  readonly bits: number;
  /** The symbol; a byte beyond ASCII is written `\xC3`. */
  readonly symbol: string;
  /** The text before it. */
  readonly before: string;
  /** Index of the token in the text. */
  readonly index: number;
  /** Line and column, counted from 1. */
  readonly line: number;
  readonly column: number;
}

/** Symbols of context to keep. */
const CONTEXT_SYMBOLS = 40;

/** Follows a text in order and keeps its most surprising places. */
export class SurpriseTracker {
  readonly #vocabulary: Vocabulary;
  readonly #limit: number;
  /** The most surprising places so far, the greatest surprise first. */
  readonly #places: SurprisingPlace[] = [];
  #passed: string[] = [];
  #line = 1;
  #column = 0;

  /** @param limit How many places to keep. */
  constructor(vocabulary: Vocabulary, limit = 20) {
    this.#vocabulary = vocabulary;
    this.#limit = limit;
  }

  /** Adds a symbol that was not predicted: the first of a text or a document. */
  begin(token: number): void {
    this.#pass(this.#vocabulary.symbolOf(token));
  }

  /** Adds the next part of the text. */
  add({ tokens, losses, target }: ScoredSpan): void {
    tokens.forEach((token, i) => {
      const symbol = this.#vocabulary.symbolOf(token);
      this.#pass(symbol);
      const bits = (losses[i] as number) / Math.LN2;
      const least = this.#places.at(-1);
      if (this.#places.length === this.#limit && least && bits <= least.bits) return;
      const place = {
        bits,
        symbol: symbolText(symbol, this.#vocabulary.kind),
        before: textOf(this.#passed.slice(-CONTEXT_SYMBOLS - 1, -1), this.#vocabulary.kind),
        index: target + i,
        line: this.#line,
        column: this.#column,
      };
      this.#insert(place);
    });
  }

  get places(): readonly SurprisingPlace[] {
    return this.#places;
  }

  #pass(symbol: string): void {
    if (this.#passed.at(-1)?.endsWith('\n')) {
      this.#line++;
      this.#column = 0;
    }
    this.#column++;
    this.#passed.push(symbol);
    if (this.#passed.length > 4 * CONTEXT_SYMBOLS) this.#passed = this.#passed.slice(-CONTEXT_SYMBOLS - 1);
  }

  #insert(place: SurprisingPlace): void {
    const at = this.#places.findIndex(({ bits }) => bits < place.bits);
    this.#places.splice(at < 0 ? this.#places.length : at, 0, place);
    if (this.#places.length > this.#limit) this.#places.pop();
  }
}

/** Symbols as text. Bytes are decoded, without an incomplete character at the start. */
function textOf(symbols: readonly string[], kind: TokenKind): string {
  if (kind !== 'byte') return symbols.join('');
  const bytes = symbolBytes(symbols);
  const start = bytes.findIndex((byte) => !isContinuation(byte));
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    bytes.subarray(start < 0 ? bytes.length : start),
  );
}
