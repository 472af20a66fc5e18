/**
 * Torch7's ASCII mode. Numbers are decimal; those of an array are separated by spaces and followed by a newline. Strings and byte arrays
 * are written unchanged, followed by a newline.
 */
import { toFloat16 } from '../../../checkpoint/safetensors/half-precision.ts';
import { type ElementType, precisionOf } from '../elements.ts';
import { malformed, Torch7Fault } from '../errors.ts';
import type { Source } from './source.ts';

const NEWLINE = 0x0a;
/** Maximum length of a number. C writes a double in at most 24 characters. */
const MAX_NUMBER = 64;
/** Bytes to convert to a string at a time. */
const PIECE = 4096;

export class AsciiSource implements Source {
  readonly minObjectBytes = 2;
  offset = 0;
  readonly #bytes: Uint8Array;
  #piece = '';
  #pieceStart = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.offset;
  }

  int(): number {
    const [value = 0] = this.longs(1);
    return value;
  }

  longs(count: number): number[] {
    this.#expect(count);
    const values = Array.from({ length: count }, () => this.#integer());
    if (count > 0) this.#newline();
    return values;
  }

  double(): number {
    const value = this.#number();
    this.#newline();
    return value;
  }

  string(): Uint8Array {
    const length = this.int();
    if (length < 0) throw malformed(`a string of ${length} bytes before byte ${this.offset}`);
    return this.#raw(length);
  }

  elements(type: ElementType, count: number): Uint8Array {
    if (type.name === 'Char' || type.name === 'Byte') return this.#raw(count);
    this.#expect(count);
    const bytes = new Uint8Array(count * type.bytes);
    const write = elementWriter(type, new DataView(bytes.buffer));
    const floating = precisionOf(type) !== undefined;
    for (let index = 0; index < count; index++) write(index, floating ? this.#number() : this.#integer());
    if (count > 0) this.#newline();
    return bytes;
  }

  #raw(length: number): Uint8Array {
    if (length > this.remaining) throw this.#truncated(length);
    const bytes = this.#bytes.subarray(this.offset, this.offset + length);
    this.offset += length;
    if (length > 0) this.#newline();
    return bytes;
  }

  /** Checks that enough bytes are left: every number has a digit and a separator. */
  #expect(count: number): void {
    if (count * 2 - 1 > this.remaining) throw this.#truncated(count * 2 - 1);
  }

  #integer(): number {
    const value = this.#number();
    if (Number.isSafeInteger(value)) return value;
    throw malformed(`${value} before byte ${this.offset}, where a whole number was expected`);
  }

  #number(): number {
    let start = this.offset;
    while (isSpace(this.#bytes[start])) start++;
    let end = start;
    while (end < this.#bytes.length && end - start < MAX_NUMBER && !isSpace(this.#bytes[end])) end++;
    if (end === start) throw this.#truncated(1);
    this.offset = end;
    const text = this.#text(start, end);
    const value = parseNumber(text);
    if (value !== undefined) return value;
    throw malformed(`${JSON.stringify(text)} at byte ${start}, where a number was expected`);
  }

  /** Converts bytes to a string. Caches a longer piece, which probably contains the next numbers. */
  #text(start: number, end: number): string {
    if (start < this.#pieceStart || end > this.#pieceStart + this.#piece.length) {
      this.#pieceStart = start;
      this.#piece = String.fromCharCode(...this.#bytes.subarray(start, start + PIECE));
    }
    return this.#piece.slice(start - this.#pieceStart, end - this.#pieceStart);
  }

  /** Skips the newline after an item. */
  #newline(): void {
    if (this.#bytes[this.offset] === NEWLINE) this.offset++;
  }

  #truncated(length: number): Torch7Fault {
    return new Torch7Fault(
      'torch7-truncated',
      `at least ${length} bytes were expected at byte ${this.offset}, but the file ends after ${this.remaining}. It is damaged or was not copied completely`,
    );
  }
}

function isSpace(code: number | undefined): boolean {
  return code === 0x20 || (code !== undefined && code >= 0x09 && code <= 0x0d);
}

/** Parses a number written by C's `printf`. */
function parseNumber(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  const [, sign, word] = /^([+-]?)(inf|infinity|nan)$/i.exec(text) ?? [];
  if (word === undefined) return undefined;
  const value = word.toLowerCase() === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY;
  return sign === '-' ? -value : value;
}

function elementWriter({ name }: ElementType, view: DataView): (index: number, value: number) => void {
  switch (name) {
    case 'Double':
      return (index, value) => view.setFloat64(index * 8, value, true);
    case 'Float':
      return (index, value) => view.setFloat32(index * 4, value, true);
    case 'Half':
      return (index, value) => view.setUint16(index * 2, toFloat16(value), true);
    case 'Long':
      return (index, value) => view.setBigInt64(index * 8, BigInt(value), true);
    case 'Int':
      return (index, value) => view.setInt32(index * 4, value, true);
    default:
      return (index, value) => view.setInt16(index * 2, value, true);
  }
}
