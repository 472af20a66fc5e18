/** Joins pieces of a token source into another source. */
import type { TokenReader, TokenSource } from '../batches/batches.ts';

/** Pieces of equal length at equal distances. */
export interface Pieces {
  /** First token of the first piece. */
  readonly offset: number;
  /** Tokens in a piece. */
  readonly length: number;
  /** Tokens from the start of a piece to the start of the next one. */
  readonly stride: number;
  readonly count: number;
}

export class SplicedTokens implements TokenSource {
  readonly #tokens: TokenSource;
  readonly #pieces: Pieces;

  constructor(tokens: TokenSource, pieces: Pieces) {
    this.#tokens = tokens;
    this.#pieces = pieces;
  }

  get length(): number {
    return this.#pieces.length * this.#pieces.count;
  }

  get hasDocuments(): boolean {
    return this.#tokens.hasDocuments;
  }

  read(offset: number, into: Int32Array, starts?: Uint8Array): Promise<void> {
    return this.#readFrom(this.#tokens, offset, into, starts);
  }

  reader(): TokenReader {
    const reader = this.#tokens.reader();
    return { read: (offset, into, starts) => this.#readFrom(reader, offset, into, starts) };
  }

  async #readFrom(
    reader: TokenReader,
    offset: number,
    into: Int32Array,
    starts: Uint8Array | undefined,
  ): Promise<void> {
    if (offset + into.length > this.length) throw new RangeError(`token ${this.length} of ${this.length}`);
    const { offset: first, length, stride } = this.#pieces;
    for (let done = 0; done < into.length; ) {
      const at = offset + done;
      const within = at % length;
      const end = Math.min(into.length, done + length - within);
      const from = first + Math.floor(at / length) * stride + within;
      await reader.read(from, into.subarray(done, end), starts?.subarray(done, end));
      done = end;
    }
  }
}
