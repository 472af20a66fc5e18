/** The bytes of a file in blocks, unpacked where it is compressed; the next block is read while one is worked on. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { TextError } from '../errors.ts';
import { isGzip } from './file-kind.ts';
import { type TextFile, unreadable } from './text-files.node.ts';

export interface TextBlock {
  /** Full but for the last one; valid until the next but one is asked for. */
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
  /** Bytes of the file on disk that were read so far. */
  readonly position: number;
}

/** Where bytes come from. */
interface ByteSource {
  /** Fills some of `into`; 0 at the end. */
  read(into: Uint8Array): Promise<number>;
  readonly position: number;
  close(): Promise<void>;
}

/** @throws {TextError} `text-unreadable` */
export async function* textBlocks(
  { path, name, size: fileSize }: TextFile,
  most: number,
): AsyncGenerator<TextBlock, void, void> {
  const source = await openSource(path, name);
  // A small file needs no large buffers: a text may have 10,000s of them.
  const size = source instanceof PlainFile ? Math.min(most, fileSize + 1) : most;
  // One is worked on, one is being filled.
  const buffers = [new Uint8Array(size), new Uint8Array(size)] as const;
  try {
    let turn = 0;
    let filling = fill(source, buffers[0]);
    for (;;) {
      const length = await filling;
      const bytes = buffers[turn as 0 | 1].subarray(0, length);
      const { position } = source;
      turn = 1 - turn;
      const isShort = length < size;
      if (!isShort) {
        filling = fill(source, buffers[turn as 0 | 1]);
        // Seen to below; not an error that nobody awaits, should the consumer leave.
        filling.catch(() => {});
      }
      yield { bytes, isLast: isShort, position };
      if (isShort) return;
    }
  } catch (error) {
    throw error instanceof TextError ? error : unreadable(name, error);
  } finally {
    await source.close();
  }
}

async function fill(source: ByteSource, into: Uint8Array): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const more = await source.read(into.subarray(length));
    if (more === 0) break;
    length += more;
  }
  return length;
}

async function openSource(path: string, name: string): Promise<ByteSource> {
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

class PlainFile implements ByteSource {
  position = 0;
  readonly #file: FileHandle;
  #pending: Promise<unknown> = Promise.resolve();

  constructor(file: FileHandle) {
    this.#file = file;
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

class GzipFile implements ByteSource {
  readonly #name: string;
  readonly #packed: ReturnType<typeof createReadStream>;
  readonly #unpacked: ReturnType<typeof createGunzip>;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  constructor(path: string, name: string) {
    this.#name = name;
    this.#packed = createReadStream(path);
    this.#unpacked = createGunzip({ chunkSize: 1 << 18 });
    // `pipe` does not hand errors on.
    this.#packed.on('error', (error) => this.#unpacked.destroy(error));
    this.#packed.pipe(this.#unpacked);
    this.#chunks = this.#unpacked[Symbol.asyncIterator]();
  }

  get position(): number {
    return this.#packed.bytesRead;
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#chunk.length === 0) {
      const next = await this.#chunks.next().catch((error: NodeJS.ErrnoException) => {
        if (!error.code?.startsWith('Z_')) throw error;
        throw new TextError(
          'text-unreadable',
          `${this.#name} is a damaged gzip file: ${error.message}. Pack or load it anew.`,
          { cause: error },
        );
      });
      if (next.done) return 0;
      this.#chunk = next.value;
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
}
