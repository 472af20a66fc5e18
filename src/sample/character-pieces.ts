/** Holds bytes back until a character is whole, so that a stream of text is never cut within one. */
import type { Vocabulary } from '../data/vocabulary.ts';

/** Bytes of UTF-8 as they come, given out in whole characters. Bytes that can't be UTF-8 pass as they are. */
export class CharacterPieces {
  readonly #whole: boolean;
  #held: number[] = [];

  /** Only symbols that are bytes can be less than a character. */
  constructor(vocabulary: Vocabulary) {
    this.#whole = vocabulary.kind !== 'byte';
  }

  /** What is whole now. */
  *push(bytes: Uint8Array): Generator<Uint8Array, void, void> {
    if (this.#whole) {
      yield bytes;
      return;
    }
    for (const byte of bytes) {
      const continues = byte >= 0x80 && byte < 0xc0;
      if (!continues || this.#held.length >= sequenceLength(this.#held[0] ?? 0)) yield* this.end();
      this.#held.push(byte);
    }
    if (this.#held.length >= sequenceLength(this.#held[0] ?? 0)) yield* this.end();
  }

  /** What is still held: an unfinished character. */
  *end(): Generator<Uint8Array, void, void> {
    if (this.#held.length === 0) return;
    const bytes = Uint8Array.from(this.#held);
    this.#held = [];
    yield bytes;
  }
}

/** Bytes of the sequence that a byte begins; 1 for one that begins none. */
function sequenceLength(first: number): number {
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 1;
}
