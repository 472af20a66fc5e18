/** Writes Torch7's ASCII mode, which `ascii-source.ts` reads. */

import { joinBytes } from '../../../util/bytes.ts';
import { general } from '../../../util/c-format.ts';
import { type ElementType, floatReader, precisionOf } from '../elements.ts';
import type { Sink } from './sink.ts';

export class AsciiSink implements Sink {
  readonly #parts: Uint8Array[] = [];

  int(value: number): void {
    this.#line(String(value));
  }

  longs(values: readonly number[]): void {
    if (values.length > 0) this.#line(values.join(' '));
  }

  double(value: number): void {
    this.#line(general(value, 17));
  }

  string(bytes: Uint8Array): void {
    this.int(bytes.length);
    this.#raw(bytes);
  }

  elements(type: ElementType, bytes: Uint8Array): void {
    if (type.name === 'Char' || type.name === 'Byte') this.#raw(bytes);
    else if (bytes.length > 0) this.#line(decimals(type, bytes).join(' '));
  }

  parts(): Uint8Array[] {
    return [joinBytes(this.#parts)];
  }

  #raw(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.#line('');
  }

  #line(text: string): void {
    this.#parts.push(new TextEncoder().encode(`${text}\n`));
  }
}

function decimals(type: ElementType, bytes: Uint8Array): string[] {
  const count = bytes.length / type.bytes;
  if (precisionOf(type) !== undefined) {
    const read = floatReader(type, bytes);
    const digits = type.name === 'Double' ? 17 : 9;
    return Array.from({ length: count }, (_, index) => general(read(index), digits));
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => {
    if (type.name === 'Long') return String(view.getBigInt64(index * 8, true));
    return String(type.name === 'Int' ? view.getInt32(index * 4, true) : view.getInt16(index * 2, true));
  });
}
