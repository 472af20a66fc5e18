/** From tokens to text that can be shown as it comes: never half a character. */
import type { Vocabulary } from '../data/vocabulary.ts';

/**
 * Joins the text of tokens one after the other.
 *
 * In byte mode the bytes of a character are held back until it is whole; bytes that are not UTF-8 become U+FFFD.
 */
export class TextStream {
  readonly #vocabulary: Vocabulary;
  readonly #decoder: TextDecoder | undefined;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    if (vocabulary.kind === 'byte') this.#decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  }

  /** The text that a token completes; may be empty. */
  push(token: number): string {
    if (!this.#decoder) return this.#vocabulary.symbolOf(token);
    return this.#decoder.decode(this.#vocabulary.bytesOf(token), { stream: true });
  }

  /** What is left of an unfinished character. */
  end(): string {
    return this.#decoder?.decode() ?? '';
  }
}
