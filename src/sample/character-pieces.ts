/** Cuts the bytes of a generated text into pieces that never end within a character. */
import type { Vocabulary } from '../data/vocabulary.ts';
import { joinBytes } from '../util/bytes.ts';
import { announcedLength, isContinuation } from '../util/utf8.ts';

/** Holds back the bytes of an unfinished UTF-8 character. Bytes that can't be UTF-8 pass unchanged. */
export class CharacterPieces {
  readonly #vocabulary: Vocabulary;
  #held: number[] = [];

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** A copy that holds back the same bytes, for another continuation of the text. */
  fork(): CharacterPieces {
    const copy = new CharacterPieces(this.#vocabulary);
    copy.#held = this.#held;
    return copy;
  }

  /** Takes more bytes. Yields the complete characters in one piece. */
  *push(bytes: Uint8Array): Generator<Uint8Array, void, void> {
    // Other symbols are complete characters.
    if (this.#vocabulary.kind !== 'byte') {
      if (bytes.length > 0) yield bytes;
      return;
    }
    const all = joinBytes([Uint8Array.from(this.#held), bytes]);
    const end = completeLength(all);
    this.#held = [...all.subarray(end)];
    if (end > 0) yield all.subarray(0, end);
  }

  /** Yields the bytes of an unfinished character at the end. */
  *end(): Generator<Uint8Array, void, void> {
    if (this.#held.length === 0) return;
    const bytes = Uint8Array.from(this.#held);
    this.#held = [];
    yield bytes;
  }
}

/** The index at which an unfinished character at the end begins, or the length if there is none. */
function completeLength(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number;
    if (isContinuation(byte)) continue;
    return announcedLength(byte) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
