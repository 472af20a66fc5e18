/** Decodes tokens to text in pieces of whole characters, and counts code points. Invalid UTF-8 becomes U+FFFD. */
import type { Vocabulary } from '../../data/vocabulary.ts';

export class TextPieces {
  /** Code points before the text and in the pieces so far. */
  codePoints: number;
  readonly #vocabulary: Vocabulary;
  /** For models over bytes: holds back the bytes of an unfinished character. */
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

  /** The rest: U+FFFD for an unfinished character, else nothing. */
  end(): string {
    return this.#count(this.#decoder?.decode() ?? '');
  }

  #count(text: string): string {
    for (let i = 0; i < text.length; i++) {
      // The second half of a surrogate pair is not a code point of its own.
      if ((text.charCodeAt(i) & 0xfc00) !== 0xdc00) this.codePoints++;
    }
    return text;
  }
}

/** The number of code points in the text of some tokens. */
export function codePointsOf(vocabulary: Vocabulary, tokens: readonly number[]): number {
  const pieces = new TextPieces(vocabulary);
  pieces.push(tokens);
  pieces.end();
  return pieces.codePoints;
}
