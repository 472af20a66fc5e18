/** Tokens on their way into blocks of fixed length, with a bit for each that begins a document. */
import type { TokenWidth } from '../text/text-kernel.ts';

/** Tokens of a block; the last one of a text may have fewer. */
export const BLOCK_TOKENS = 1 << 15;

/** Receives blocks; they are valid until it returns. */
export interface BlockSink {
  /**
   * @param tokens The tokens, little endian, of the width in question.
   * @param starts A bit for each token, the lowest of a byte first; absent where documents are not told apart.
   */
  put(tokens: Uint8Array, starts: Uint8Array | undefined): void;
}

/** Bytes that a token of a vocabulary takes. */
export function tokenWidth(vocabularySize: number): TokenWidth {
  if (vocabularySize <= 0x100) return 1;
  return vocabularySize <= 0x10000 ? 2 : 4;
}

export class TokenPacker {
  readonly width: TokenWidth;
  /** Tokens that were put, in all. */
  count = 0;
  /** Documents that were begun. */
  documents = 0;
  /** Tokens in the block that is being filled. */
  place = 0;
  readonly #block: Uint8Array;
  readonly #tokens: Uint8Array | Uint16Array | Uint32Array;
  readonly #starts: Uint8Array | undefined;
  readonly #sink: BlockSink;

  /** @param block Room for a block of tokens of any width. */
  constructor(block: Uint8Array, width: TokenWidth, hasDocuments: boolean, sink: BlockSink) {
    const { buffer, byteOffset } = block;
    this.width = width;
    this.#block = block;
    this.#tokens =
      width === 1
        ? new Uint8Array(buffer, byteOffset, BLOCK_TOKENS)
        : width === 2
          ? new Uint16Array(buffer, byteOffset, BLOCK_TOKENS)
          : new Uint32Array(buffer, byteOffset, BLOCK_TOKENS);
    this.#starts = hasDocuments ? new Uint8Array(BLOCK_TOKENS / 8) : undefined;
    this.#sink = sink;
  }

  /** The next token begins a document. */
  startDocument(): void {
    if (!this.#starts) return;
    if (this.place === BLOCK_TOKENS) this.#flush();
    this.documents++;
    const at = this.place >> 3;
    this.#starts[at] = (this.#starts[at] as number) | (1 << (this.place & 7));
  }

  put(token: number): void {
    if (this.place === BLOCK_TOKENS) this.#flush();
    this.#tokens[this.place++] = token;
    this.count++;
  }

  /** Takes some tokens that were written into the block, from `place` on; makes room where it is full. */
  advance(tokens: number): void {
    this.place += tokens;
    this.count += tokens;
    if (this.place === BLOCK_TOKENS) this.#flush();
  }

  /** Hands on what is left. */
  finish(): void {
    if (this.place > 0) this.#flush();
  }

  #flush(): void {
    const bytes = this.#block.subarray(0, this.place * this.width);
    this.#sink.put(bytes, this.#starts?.subarray(0, Math.ceil(this.place / 8)));
    this.#starts?.fill(0);
    this.place = 0;
  }
}
