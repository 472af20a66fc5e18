/** Holds bytes back until a character is whole, so that a stream of text is never cut within one. */

import type { Vocabulary } from '../data/vocabulary.ts';
import { joinBytes } from '../util/bytes.ts';
import { announcedLength, isContinuation } from '../util/utf8.ts';

/** Bytes of UTF-8 as they come, given out in whole characters. Bytes that can't be UTF-8 pass as they are. */
export class CharacterPieces {
  readonly #whole: boolean;
  #held: number[] = [];

  /** Only symbols that are bytes can be less than a character. */
  constructor(vocabulary: Vocabulary) {
    this.#whole = vocabulary.kind !== 'byte';
  }

  /** What is whole now, in one piece. */
  *push(bytes: Uint8Array): Generator<Uint8Array, void, void> {
    if (this.#whole) {
      if (bytes.length > 0) yield bytes;
      return;
    }
    const all = joinBytes([Uint8Array.from(this.#held), bytes]);
    const end = wholeEnd(all);
    this.#held = [...all.subarray(end)];
    if (end > 0) yield all.subarray(0, end);
  }

  /** What is still held: an unfinished character. */
  *end(): Generator<Uint8Array, void, void> {
    if (this.#held.length === 0) return;
    const bytes = Uint8Array.from(this.#held);
    this.#held = [];
    yield bytes;
  }
}

/** Where an unfinished character at the end begins; the end where there is none. */
function wholeEnd(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number;
    if (isContinuation(byte)) continue;
    return announcedLength(byte) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
