/** Tokens as text, in whole characters; bytes that are no UTF-8 become U+FFFD. */
import type { Vocabulary } from '../../data/vocabulary.ts';

export class TextPieces {
  /** Code points before the text, and those that were given out. */
  codePoints: number;
  readonly #vocabulary: Vocabulary;
  /** Holds a character's bytes back until it is whole. */
  readonly #decoder: TextDecoder | undefined;

  /** @param before Code points before the text. */
  constructor(vocabulary: Vocabulary, before = 0) {
    this.codePoints = before;
    this.#vocabulary = vocabulary;
    if (vocabulary.kind === 'byte') this.#decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  }

  push(tokens: readonly number[]): string {
    if (tokens.length === 0) return '';
    if (this.#decoder) {
      return this.#count(this.#decoder.decode(this.#vocabulary.bytesOfAll(tokens), { stream: true }));
    }
    let text = '';
    for (const token of tokens) text += this.#vocabulary.symbolOf(token);
    return this.#count(text);
  }

  /** What is left of an unfinished character. */
  end(): string {
    return this.#count(this.#decoder?.decode() ?? '');
  }

  #count(text: string): string {
    for (let i = 0; i < text.length; i++) {
      // The second half of a surrogate pair belongs to the code point of the first.
      if ((text.charCodeAt(i) & 0xfc00) !== 0xdc00) this.codePoints++;
    }
    return text;
  }
}

/** How many code points some tokens are as a text. */
export function codePointsOf(vocabulary: Vocabulary, tokens: readonly number[]): number {
  const pieces = new TextPieces(vocabulary);
  pieces.push(tokens);
  pieces.end();
  return pieces.codePoints;
}
