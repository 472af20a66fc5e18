/** Packs tokens into blocks of fixed length, with one bit per token that says whether a document begins with it. */
import type { TokenWidth } from '../text/text-kernel.ts';

/** Tokens per block. The last block may have fewer. */
export const BLOCK_TOKENS = 1 << 15;

/** Receives blocks, which are valid until `put` returns. */
export interface BlockSink {
  /**
   * @param tokens The tokens, little endian.
   * @param starts One bit per token, lowest bit first. Absent without documents.
   */
  put(tokens: Uint8Array, starts: Uint8Array | undefined): void;
}

/** Bytes per token of a vocabulary. */
export function tokenWidth(vocabularySize: number): TokenWidth {
  if (vocabularySize <= 0x100) return 1;
  return vocabularySize <= 0x10000 ? 2 : 4;
}

export class TokenPacker {
  readonly width: TokenWidth;
  /** Total number of tokens. */
  count = 0;
  /** Number of documents. */
  documents = 0;
  /** Number of tokens in the current block. */
  filled = 0;
  readonly #block: Uint8Array;
  readonly #tokens: Uint8Array | Uint16Array | Uint32Array;
  readonly #starts: Uint8Array | undefined;
  readonly #sink: BlockSink;

  /** @param block A buffer large enough for a block of the widest tokens. */
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

  /** Marks the next token as the start of a document. */
  startDocument(): void {
    if (!this.#starts) return;
    if (this.filled === BLOCK_TOKENS) this.#flush();
    this.documents++;
    const at = this.filled >> 3;
    this.#starts[at] = (this.#starts[at] as number) | (1 << (this.filled & 7));
  }

  put(token: number): void {
    if (this.filled === BLOCK_TOKENS) this.#flush();
    this.#tokens[this.filled++] = token;
    this.count++;
  }

  /** Adds tokens that the caller wrote into the block at `filled`. Passes the block on if it is full. */
  advance(tokens: number): void {
    this.filled += tokens;
    this.count += tokens;
    if (this.filled === BLOCK_TOKENS) this.#flush();
  }

  /** Passes on the last block. */
  finish(): void {
    if (this.filled > 0) this.#flush();
  }

  #flush(): void {
    const bytes = this.#block.subarray(0, this.filled * this.width);
    this.#sink.put(bytes, this.#starts?.subarray(0, Math.ceil(this.filled / 8)));
    this.#starts?.fill(0);
    this.filled = 0;
  }
}
