/** Tokens in memory. */
import { joinBytes } from '../../util/bytes.ts';
import type { TokenReader, TokenSource } from '../batches/batches.ts';
import type { TokenWidth } from '../text/text-kernel.ts';
import type { BlockSink } from './token-packer.ts';

export type TokenArray = Uint8Array | Uint16Array | Int32Array;

/** Tokens of one, two or four bytes each. */
export class MemoryTokens implements TokenSource {
  readonly array: TokenArray;
  /** One bit per token, lowest bit first: whether a document begins with it. Absent without documents. */
  readonly starts: Uint8Array | undefined;

  constructor(array: TokenArray, starts?: Uint8Array) {
    this.array = array;
    this.starts = starts;
  }

  get length(): number {
    return this.array.length;
  }

  get hasDocuments(): boolean {
    return this.starts !== undefined;
  }

  async read(offset: number, into: Int32Array, starts?: Uint8Array): Promise<void> {
    if (offset + into.length > this.length) throw new RangeError(`token ${this.length} of ${this.length}`);
    into.set(this.array.subarray(offset, offset + into.length));
    if (!starts) return;
    for (let i = 0; i < starts.length; i++) starts[i] = this.startsAt(offset + i) ? 1 : 0;
  }

  /** Whether a document begins with a token. */
  startsAt(token: number): boolean {
    return (((this.starts?.[token >> 3] ?? 0) >> (token & 7)) & 1) === 1;
  }

  reader(): TokenReader {
    return this;
  }
}

/** An array for `length` tokens of a vocabulary of the given size. */
export function tokenArray(vocabularySize: number, length: number): TokenArray {
  if (vocabularySize <= 0x100) return new Uint8Array(length);
  return vocabularySize <= 0x10000 ? new Uint16Array(length) : new Int32Array(length);
}

/** The maximum number of bytes, and the error to throw if there are more. */
export interface Limit {
  readonly bytes: number;
  readonly error: () => Error;
}

/** Collects blocks of tokens in memory. */
export class MemorySink implements BlockSink {
  readonly #width: TokenWidth;
  readonly #limit: Limit | undefined;
  readonly #tokens: Uint8Array[] = [];
  readonly #starts: Uint8Array[] = [];
  #bytes = 0;

  constructor(width: TokenWidth, limit?: Limit) {
    this.#width = width;
    this.#limit = limit;
  }

  put(tokens: Uint8Array, starts: Uint8Array | undefined): void {
    this.#bytes += tokens.length + (starts?.length ?? 0);
    if (this.#limit && this.#bytes > this.#limit.bytes) throw this.#limit.error();
    this.#tokens.push(tokens.slice());
    if (starts) this.#starts.push(starts.slice());
  }

  /** All collected tokens. */
  tokens(hasDocuments: boolean): MemoryTokens {
    const { buffer } = joinBytes(this.#tokens);
    const array =
      this.#width === 1
        ? new Uint8Array(buffer)
        : this.#width === 2
          ? new Uint16Array(buffer)
          : new Int32Array(buffer);
    return new MemoryTokens(array, hasDocuments ? joinBytes(this.#starts) : undefined);
  }
}
