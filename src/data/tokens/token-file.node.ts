/**
 * A file of tokens: a header of 64 bytes, then blocks of 32,768 tokens. A block has a digest of 16 bytes, the tokens and, if there are
 * documents, one bit per token that says whether a document begins with it. The digest is the first half of the SHA-256 of the file's id, the
 * block's number and the block, so a block that is damaged, moved or from another file is detected.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { TokenWidth } from '../text/text-kernel.ts';
import { BLOCK_TOKENS, type BlockSink } from './token-packer.ts';

/** Describes a token file. Stored with the vocabulary. */
export interface TokenFileFacts {
  /** In hexadecimal; random for each file. */
  readonly id: string;
  readonly count: number;
  readonly width: TokenWidth;
  readonly hasDocuments: boolean;
}

export const TOKEN_FILE_MAGIC = 'char-rnn tokens 2\n';
const HEADER_BYTES = 64;
const ID_AT = 32;
const ID_BYTES = 16;
export const DIGEST_BYTES = 16;
/** Minimum bytes to collect before writing. */
const MIN_WRITE = 1 << 21;
/** Initial bytes of a buffer: enough for `MIN_WRITE` bytes and what one block of text adds. It grows if necessary. */
const BUFFER_BYTES = 1 << 22;

type Geometry = Pick<TokenFileFacts, 'count' | 'width' | 'hasDocuments'>;

/** The offset of a block and the sizes of its parts. */
export interface BlockLayout {
  readonly offset: number;
  readonly tokens: number;
  readonly tokenBytes: number;
  readonly startBytes: number;
}

export function blockLayout({ count, width, hasDocuments }: Geometry, index: number): BlockLayout {
  const tokens = Math.max(0, Math.min(BLOCK_TOKENS, count - index * BLOCK_TOKENS));
  const full = DIGEST_BYTES + BLOCK_TOKENS * width + (hasDocuments ? BLOCK_TOKENS / 8 : 0);
  return {
    offset: HEADER_BYTES + index * full,
    tokens,
    tokenBytes: tokens * width,
    startBytes: hasDocuments ? Math.ceil(tokens / 8) : 0,
  };
}

/** The size of the whole file. */
export function tokenFileBytes(geometry: Geometry): number {
  const blocks = Math.ceil(geometry.count / BLOCK_TOKENS);
  if (blocks === 0) return HEADER_BYTES;
  const { offset, tokenBytes, startBytes } = blockLayout(geometry, blocks - 1);
  return offset + DIGEST_BYTES + tokenBytes + startBytes;
}

/** @param payload The tokens and the bits after them. */
export function blockDigest(id: string, index: number, ...payload: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256').update(`${id} ${index}\n`);
  for (const part of payload) hash.update(part);
  return hash.digest().subarray(0, DIGEST_BYTES);
}

/** Whether a file begins with the header for an id. */
export async function hasHeader(file: FileHandle, id: string): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(HEADER_BYTES), 0, HEADER_BYTES, 0);
  return bytesRead === HEADER_BYTES && header(id).equals(buffer);
}

function header(id: string): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write(TOKEN_FILE_MAGIC, 'latin1');
  bytes.write(id, ID_AT, 'hex');
  return bytes;
}

/** Writes a new file. The caller renames it when it is finished. */
export class TokenFileWriter implements BlockSink {
  readonly id = randomBytes(ID_BYTES).toString('hex');
  readonly #file: FileHandle;
  #blocks = 0;
  #position = 0;
  /** Two buffers: one is filled while the other is written. */
  #filling: Uint8Array = new Uint8Array(BUFFER_BYTES);
  #written: Uint8Array = new Uint8Array(BUFFER_BYTES);
  #filled = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
    this.#append(header(this.id));
  }

  /** @param path A path that must not exist yet. */
  static async create(path: string): Promise<TokenFileWriter> {
    return new TokenFileWriter(await open(path, 'wx'));
  }

  put(tokens: Uint8Array, starts: Uint8Array | undefined): void {
    const payload = starts ? [tokens, starts] : [tokens];
    this.#append(blockDigest(this.id, this.#blocks++, ...payload));
    for (const part of payload) this.#append(part);
  }

  /** Starts to write the collected bytes if there are enough, after the previous write. */
  async settle(): Promise<void> {
    if (this.#filled < MIN_WRITE) return;
    await this.#writing;
    this.#writing = this.#write();
    // An error is thrown at the next call.
    this.#writing.catch(() => {});
  }

  /** Writes the remaining bytes and closes the file. */
  async finish(): Promise<void> {
    await this.#writing;
    await this.#write();
    await this.#file.close();
  }

  /** Closes the file after a failure. */
  async abandon(): Promise<void> {
    await this.#writing.catch(() => {});
    await this.#file.close().catch(() => {});
  }

  #append(bytes: Uint8Array): void {
    if (this.#filled + bytes.length > this.#filling.length) {
      const larger = new Uint8Array(2 * (this.#filled + bytes.length));
      larger.set(this.#filling.subarray(0, this.#filled));
      this.#filling = larger;
    }
    this.#filling.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  async #write(): Promise<void> {
    const chunk = this.#filling.subarray(0, this.#filled);
    [this.#filling, this.#written] = [this.#written, this.#filling];
    this.#filled = 0;
    for (let at = 0; at < chunk.length; ) {
      const { bytesWritten } = await this.#file.write(chunk, at, chunk.length - at, this.#position);
      at += bytesWritten;
      this.#position += bytesWritten;
    }
  }
}
