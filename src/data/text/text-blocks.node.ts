/** Reads a file in blocks of unpacked UTF-8. The next block is read while the caller processes one. */
import { TextError } from '../../errors.ts';
import type { ByteTransform } from '../encoding/byte-transform.ts';
import { type FoundEncoding, findEncoding, isAuto, refuseFormats, START_BYTES } from '../encoding/reading.ts';
import { type TextFile, unreadable } from '../files/text-files.node.ts';
import { openUnpacked, type UnpackedFile } from '../files/unpacked-file.node.ts';
import { transformsOf } from './text-transforms.ts';

export interface TextBlock {
  /** Valid until two more blocks have been requested. */
  readonly bytes: Uint8Array;
  /** The unpacked bytes of the file from which `bytes` were made; the same unless they were transformed. */
  readonly raw: Uint8Array;
  readonly isLast: boolean;
  /** Bytes read so far from the file on disk. */
  readonly position: number;
  /** The detected encoding of the file. */
  readonly found: FoundEncoding | undefined;
}

/** Bytes to read at a time for transforming. */
const TRANSFORM_BYTES = 1 << 18;
/** Maximum bytes of input to hold for one block of output: a column may be a small part of a table. */
const MAX_RAW = 16 * 2 ** 20;

/** @throws {TextError} `text-unreadable`, `text-packed`, `text-binary`, `text-not-decodable` */
export async function* textBlocks(file: TextFile, maxBytes: number): AsyncGenerator<TextBlock, void, void> {
  const { path, name, size: fileSize } = file;
  const opened = await openUnpacked(path, name);
  try {
    const { source, found } = await readAs(opened, file);
    // No large buffers for small files: a text may have tens of thousands of them.
    const size = source === opened && !opened.isPacked ? Math.min(maxBytes, fileSize + 1) : maxBytes;
    // The caller processes one while the other is filled.
    const buffers = [new Uint8Array(size), new Uint8Array(size)] as const;
    let turn = 0;
    let filling = fill(source, buffers[0]);
    for (;;) {
      const { isLast, ...block } = await filling;
      turn = 1 - turn;
      const { position } = opened;
      if (!isLast) {
        filling = fill(source, buffers[turn as 0 | 1]);
        // Handled below. This avoids an unhandled rejection if the caller stops early.
        filling.catch(() => {});
      }
      yield { ...block, isLast, position, found };
      if (isLast) return;
    }
  } catch (error) {
    throw error instanceof TextError ? error : unreadable(name, error);
  } finally {
    await opened.close();
  }
}

interface Opened {
  readonly source: RawSource;
  readonly found: FoundEncoding | undefined;
}

type RawSource = Pick<UnpackedFile, 'read'> & {
  /** The file's bytes since the last call. Absent if `read` returns them unchanged. */
  takeRaw?(): Uint8Array;
  /** Whether a read that returned 0 only paused, before the end of the file. */
  readonly isPaused?: boolean;
};

async function readAs(
  source: UnpackedFile,
  { name, path, size, reading, found: before }: TextFile,
): Promise<Opened> {
  if (!reading) return { source, found: undefined };
  const start = await source.peek(source.isPacked ? START_BYTES : Math.min(START_BYTES, size + 1));
  if (reading.encoding !== undefined) refuseFormats(start, name);
  const found = isAuto(reading) ? findEncoding(start) : before;
  const encoding = isAuto(reading) ? found?.encoding : reading.encoding;
  const transforms = transformsOf({ ...reading, encoding }, { name, path, start });
  return { source: transforms.length === 0 ? source : new TransformedSource(source, transforms), found };
}

async function fill(
  source: RawSource,
  into: Uint8Array,
): Promise<Pick<TextBlock, 'bytes' | 'raw' | 'isLast'>> {
  let length = 0;
  let isLast = false;
  while (length < into.length) {
    const more = await source.read(into.subarray(length));
    if (more === 0) {
      isLast = source.isPaused !== true;
      break;
    }
    length += more;
  }
  const bytes = into.subarray(0, length);
  return { bytes, raw: source.takeRaw?.() ?? bytes, isLast };
}

class TransformedSource implements RawSource {
  readonly #source: UnpackedFile;
  readonly #transforms: readonly ByteTransform[];
  readonly #input = new Uint8Array(TRANSFORM_BYTES);
  #output: Uint8Array = new Uint8Array();
  #raw: Uint8Array[] = [];
  #rawLength = 0;
  /** Whether there has been any output. The first block of a file is never empty, unless it is also the last. */
  #hasOutput = false;
  #hasEnded = false;

  constructor(source: UnpackedFile, transforms: readonly ByteTransform[]) {
    this.#source = source;
    this.#transforms = transforms;
  }

  takeRaw(): Uint8Array {
    const raw = Buffer.concat(this.#raw);
    this.#raw = [];
    this.#rawLength = 0;
    return raw;
  }

  get isPaused(): boolean {
    return !this.#hasEnded;
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#output.length === 0 && !this.#hasEnded) {
      if (this.#hasOutput && this.#rawLength >= MAX_RAW) return 0;
      const length = await this.#source.read(this.#input);
      this.#hasEnded = length === 0;
      let block: Uint8Array = this.#input.slice(0, length);
      this.#raw.push(block);
      this.#rawLength += length;
      for (const transform of this.#transforms) block = transform.push(block, this.#hasEnded);
      this.#output = block;
      this.#hasOutput ||= block.length > 0;
    }
    const length = Math.min(into.length, this.#output.length);
    into.set(this.#output.subarray(0, length));
    this.#output = this.#output.subarray(length);
    return length;
  }
}
