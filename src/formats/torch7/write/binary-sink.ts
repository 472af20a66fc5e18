/** Writes Torch7's binary mode: little endian, without padding. */
import type { ElementType } from '../elements.ts';
import type { Sink } from './sink.ts';

/** Bytes of the buffer. Arrays larger than half of it become separate parts, without a copy. */
const BUFFER_BYTES = 65_536;

export class BinarySink implements Sink {
  readonly #longBytes: 4 | 8;
  readonly #parts: Uint8Array[] = [];
  #buffer = new DataView(new ArrayBuffer(BUFFER_BYTES));
  #used = 0;

  /** @param longBytes Bytes of a long on the machine that will read the file. */
  constructor(longBytes: 4 | 8) {
    this.#longBytes = longBytes;
  }

  int(value: number): void {
    const at = this.#take(4);
    this.#buffer.setInt32(at, value, true);
  }

  longs(values: readonly number[]): void {
    for (const value of values) {
      const at = this.#take(this.#longBytes);
      if (this.#longBytes === 4) this.#buffer.setInt32(at, value, true);
      else this.#buffer.setBigInt64(at, BigInt(value), true);
    }
  }

  double(value: number): void {
    const at = this.#take(8);
    this.#buffer.setFloat64(at, value, true);
  }

  string(bytes: Uint8Array): void {
    this.int(bytes.length);
    this.#raw(bytes);
  }

  elements(type: ElementType, bytes: Uint8Array): void {
    const narrows = type.name === 'Long' && this.#longBytes === 4;
    this.#raw(narrows ? narrowed(bytes) : bytes);
  }

  parts(): Uint8Array[] {
    this.#flush();
    return this.#parts;
  }

  #raw(bytes: Uint8Array): void {
    if (bytes.length > BUFFER_BYTES / 2) {
      this.#flush();
      this.#parts.push(bytes);
      return;
    }
    const at = this.#take(bytes.length);
    new Uint8Array(this.#buffer.buffer).set(bytes, at);
  }

  /** Reserves some bytes in the buffer and returns their offset. */
  #take(length: number): number {
    if (this.#used + length > this.#buffer.byteLength) this.#flush();
    this.#used += length;
    return this.#used - length;
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#parts.push(new Uint8Array(this.#buffer.buffer, 0, this.#used));
    this.#buffer = new DataView(new ArrayBuffer(BUFFER_BYTES));
    this.#used = 0;
  }
}

/** Converts longs of 64 bits to 32 bits. */
function narrowed(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(Int32Array.from(new BigInt64Array(Uint8Array.from(bytes).buffer), Number).buffer);
}
