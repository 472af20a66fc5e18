/** Tokens on disk. Each reader keeps the current block in memory and reads the next one ahead. */
import { type FileHandle, open } from 'node:fs/promises';
import { TextError } from '../../errors.ts';
import type { TokenReader, TokenSource } from '../batches/batches.ts';
import { unreadable } from '../files/text-files.node.ts';
import type { TokenArray } from './memory-tokens.ts';
import {
  blockDigest,
  blockLayout,
  DIGEST_BYTES,
  hasHeader,
  type TokenFileFacts,
  tokenFileBytes,
} from './token-file.node.ts';
import { BLOCK_TOKENS, type BlockSink } from './token-packer.ts';

interface TokenBlock {
  readonly index: number;
  readonly tokens: TokenArray;
  readonly starts: Uint8Array | undefined;
}

export class FileTokens implements TokenSource {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #facts: TokenFileFacts;
  readonly #vocabularySize: number;
  readonly #reader: TokenReader;

  private constructor(file: FileHandle, path: string, facts: TokenFileFacts, vocabularySize: number) {
    this.#file = file;
    this.#path = path;
    this.#facts = facts;
    this.#vocabularySize = vocabularySize;
    this.#reader = this.reader();
  }

  /**
   * Opens a file of tokens.
   *
   * @returns undefined if the facts do not belong to the file, or its size does not match them
   */
  static async open(
    path: string,
    facts: TokenFileFacts,
    vocabularySize: number,
  ): Promise<FileTokens | undefined> {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size === tokenFileBytes(facts) && (await hasHeader(file, facts.id))) {
        return new FileTokens(file, path, facts, vocabularySize);
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return undefined;
  }

  get length(): number {
    return this.#facts.count;
  }

  get hasDocuments(): boolean {
    return this.#facts.hasDocuments;
  }

  read(offset: number, into: Int32Array, starts?: Uint8Array): Promise<void> {
    return this.#reader.read(offset, into, starts);
  }

  reader(): TokenReader {
    return new BlockReader(this.length, (index) => this.#block(index));
  }

  /**
   * Verifies all blocks. Yields the number of bytes of tokens that are done.
   *
   * @param keep Receives the tokens, to keep them in memory.
   * @throws {TextError} `text-damaged`, `text-unreadable`
   */
  async *verify(keep?: BlockSink): AsyncGenerator<number, void, void> {
    for (let index = 0; index * BLOCK_TOKENS < this.length; index++) {
      const { tokens, starts } = await this.#block(index);
      keep?.put(new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength), starts);
      yield Math.min(this.length, (index + 1) * BLOCK_TOKENS) * this.#facts.width;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** @throws {TextError} `text-damaged` for a block with a wrong digest, `text-unreadable` */
  async #block(index: number): Promise<TokenBlock> {
    const layout = blockLayout(this.#facts, index);
    const bytes = new Uint8Array(DIGEST_BYTES + layout.tokenBytes + layout.startBytes);
    await this.#file.read(bytes, 0, bytes.length, layout.offset).catch((error: unknown) => {
      throw unreadable(this.#path, error);
    });
    const payload = bytes.subarray(DIGEST_BYTES);
    const digest = blockDigest(this.#facts.id, index, payload);
    if (!digest.every((byte, at) => byte === bytes[at])) throw this.#damaged();
    const tokens = tokensIn(payload, layout.tokens, this.#facts.width);
    for (const token of tokens) if (token >= this.#vocabularySize) throw this.#damaged();
    const starts = this.#facts.hasDocuments ? payload.subarray(layout.tokenBytes) : undefined;
    return { index, tokens, starts };
  }

  #damaged(): TextError {
    return new TextError(
      'text-damaged',
      `${this.#path} is damaged: its tokens differ from those that were written. Delete it: it will be recreated from the text.`,
    );
  }
}

/** Reads tokens block by block. */
class BlockReader implements TokenReader {
  readonly #length: number;
  readonly #load: (index: number) => Promise<TokenBlock>;
  #current: TokenBlock | undefined;
  #next: { readonly index: number; readonly block: Promise<TokenBlock> } | undefined;

  constructor(length: number, load: (index: number) => Promise<TokenBlock>) {
    this.#length = length;
    this.#load = load;
  }

  async read(offset: number, into: Int32Array, starts?: Uint8Array): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const at = offset + done;
      const index = Math.floor(at / BLOCK_TOKENS);
      const block = this.#current?.index === index ? this.#current : await this.#enter(index);
      const from = at - index * BLOCK_TOKENS;
      const length = Math.min(into.length - done, block.tokens.length - from);
      if (length <= 0) throw new RangeError(`token ${at} of ${this.#length}`);
      for (let i = 0; i < length; i++) into[done + i] = block.tokens[from + i] as number;
      if (starts) copyBits(block.starts, from, length, starts, done);
      done += length;
    }
  }

  /** Makes a block the current one, and starts to read the next. */
  async #enter(index: number): Promise<TokenBlock> {
    const block = await (this.#next?.index === index ? this.#next.block : this.#load(index));
    this.#current = block;
    this.#next = undefined;
    if ((index + 1) * BLOCK_TOKENS < this.#length) {
      const next = this.#load(index + 1);
      // An error is thrown when the block is needed.
      next.catch(() => {});
      this.#next = { index: index + 1, block: next };
    }
    return block;
  }
}

/** Expands bits to bytes of 0 and 1. */
function copyBits(
  bits: Uint8Array | undefined,
  from: number,
  length: number,
  into: Uint8Array,
  to: number,
): void {
  for (let i = 0; i < length; i++) {
    const at = from + i;
    into[to + i] = bits ? ((bits[at >> 3] as number) >> (at & 7)) & 1 : 0;
  }
}

/** A view of little-endian bytes as tokens. */
function tokensIn(bytes: Uint8Array, count: number, width: number): TokenArray {
  // The DIGEST_BYTES before them keep them aligned.
  if (width === 1) return bytes.subarray(0, count);
  return width === 2
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, count)
    : new Int32Array(bytes.buffer, bytes.byteOffset, count);
}
