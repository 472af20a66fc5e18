/** Reads the bytes of a file, and unpacks them if it is compressed by gzip. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { TextError } from '../../errors.ts';
import { isGzip } from './file-kind.ts';
import { unreadable } from './text-files.node.ts';

export interface UnpackedFile {
  /** The first `count` bytes, or all if there are fewer. Call it only before the first `read`. */
  peek(count: number): Promise<Uint8Array>;
  /** Reads bytes into `into` and returns their number; 0 at the end. */
  read(into: Uint8Array): Promise<number>;
  /** Whether the file is compressed. */
  readonly isPacked: boolean;
  /** Bytes read so far from the file on disk. */
  readonly position: number;
  close(): Promise<void>;
}

/** @throws {TextError} `text-unreadable` */
export async function openUnpacked(path: string, name: string): Promise<UnpackedFile> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const start = new Uint8Array(3);
    await file.read(start, 0, 3, 0);
    if (!isGzip(start)) return new PlainFile(file);
    await file.close();
  } catch (error) {
    await file?.close();
    throw unreadable(name, error);
  }
  return new GzipFile(path, name);
}

class PlainFile implements UnpackedFile {
  position = 0;
  readonly isPacked = false;
  readonly #file: FileHandle;
  #pending: Promise<unknown> = Promise.resolve();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async peek(count: number): Promise<Uint8Array> {
    const { buffer, bytesRead } = await this.#file.read(new Uint8Array(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  }

  async read(into: Uint8Array): Promise<number> {
    const reading = this.#file.read(into, 0, into.length, this.position);
    this.#pending = reading.catch(() => {});
    const { bytesRead } = await reading;
    this.position += bytesRead;
    return bytesRead;
  }

  async close(): Promise<void> {
    await this.#pending;
    await this.#file.close();
  }
}

class GzipFile implements UnpackedFile {
  readonly isPacked = true;
  readonly #name: string;
  readonly #packed: ReturnType<typeof createReadStream>;
  readonly #unpacked: ReturnType<typeof createGunzip>;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  constructor(path: string, name: string) {
    this.#name = name;
    this.#packed = createReadStream(path);
    this.#unpacked = createGunzip({ chunkSize: 1 << 18 });
    // `pipe` does not forward errors.
    this.#packed.on('error', (error) => this.#unpacked.destroy(error));
    this.#packed.pipe(this.#unpacked);
    this.#chunks = this.#unpacked[Symbol.asyncIterator]();
  }

  get position(): number {
    return this.#packed.bytesRead;
  }

  async peek(count: number): Promise<Uint8Array> {
    const parts = [this.#chunk];
    let length = this.#chunk.length;
    while (length < count) {
      const next = await this.#next();
      if (!next) break;
      parts.push(next);
      length += next.length;
    }
    this.#chunk = Buffer.concat(parts);
    return this.#chunk.subarray(0, count);
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#chunk.length === 0) {
      const next = await this.#next();
      if (!next) return 0;
      this.#chunk = next;
    }
    const length = Math.min(into.length, this.#chunk.length);
    into.set(this.#chunk.subarray(0, length));
    this.#chunk = this.#chunk.subarray(length);
    return length;
  }

  async close(): Promise<void> {
    this.#packed.destroy();
    this.#unpacked.destroy();
  }

  async #next(): Promise<Uint8Array | undefined> {
    const next = await this.#chunks.next().catch((error: NodeJS.ErrnoException) => {
      if (!error.code?.startsWith('Z_')) throw error;
      throw new TextError(
        'text-unreadable',
        `${this.#name} is a damaged gzip file: ${error.message}. Compress it again, or download it again.`,
        { cause: error },
      );
    });
    return next.done ? undefined : next.value;
  }
}
