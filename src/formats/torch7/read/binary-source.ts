/** Reads Torch7's binary mode: little endian, without padding. */
import type { ElementType } from '../elements.ts';
import { malformed, Torch7Fault } from '../errors.ts';
import type { Source } from './source.ts';

export class BinarySource implements Source {
  readonly minObjectBytes = 4;
  offset = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #longBytes: 4 | 8;

  /** @param longBytes Bytes of a long on the machine that wrote the file: 4 on Windows and on 32-bit machines. */
  constructor(bytes: Uint8Array, longBytes: 4 | 8) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#longBytes = longBytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.offset;
  }

  int(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  longs(count: number): number[] {
    const start = this.#take(count * this.#longBytes);
    return Array.from({ length: count }, (_, index) => this.#longAt(start + index * this.#longBytes));
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  string(): Uint8Array {
    const length = this.int();
    if (length < 0) throw malformed(`a string of ${length} bytes at byte ${this.offset - 4}`);
    return this.#slice(length);
  }

  elements(type: ElementType, count: number): Uint8Array {
    if (type.name !== 'Long' || this.#longBytes === 8) return this.#slice(count * type.bytes);
    const narrow = Uint8Array.from(this.#slice(count * 4));
    return new Uint8Array(BigInt64Array.from(new Int32Array(narrow.buffer), BigInt).buffer);
  }

  #slice(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  #longAt(offset: number): number {
    if (this.#longBytes === 4) return this.#view.getInt32(offset, true);
    const long = Number(this.#view.getBigInt64(offset, true));
    if (Number.isSafeInteger(long)) return long;
    throw malformed(`the number ${long} at byte ${offset}, where a size or an offset was expected`);
  }

  /** Advances by some bytes and returns the offset of the first. */
  #take(length: number): number {
    if (length > this.remaining) {
      throw new Torch7Fault(
        'torch7-truncated',
        `${length} bytes were expected at byte ${this.offset}, but the file ends after ${this.remaining}. It is damaged or was not copied completely`,
      );
    }
    this.offset += length;
    return this.offset - length;
  }
}
