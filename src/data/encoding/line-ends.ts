/** Line ends: LF, CRLF, and the CR of old Macs. */
import type { ByteTransform } from './byte-transform.ts';

const LF = 0x0a;
const CR = 0x0d;

/** Bytes at the start of a text that are searched for line ends. */
const MAX_START = 1 << 16;

/** Whether lines end in CR alone, judging by the start of a text. */
export function endsLinesInCr(start: Uint8Array): boolean {
  const sample = start.subarray(0, MAX_START);
  return sample.includes(CR) && !sample.includes(LF);
}

/** The same for a string. */
export function stringEndsLinesInCr(text: string): boolean {
  const sample = text.slice(0, MAX_START);
  return sample.includes('\r') && !sample.includes('\n');
}

/** Converts CRLF and CR to LF. */
export class LineFeeds implements ByteTransform {
  #afterReturn = false;

  push(bytes: Uint8Array): Uint8Array {
    if (!this.#afterReturn && !bytes.includes(CR)) return bytes;
    const out = new Uint8Array(bytes.length);
    let length = 0;
    for (const byte of bytes) {
      const isSecond = this.#afterReturn && byte === LF;
      this.#afterReturn = byte === CR;
      if (!isSecond) out[length++] = byte === CR ? LF : byte;
    }
    return out.subarray(0, length);
  }
}

/** Converts CRLF and CR in a string to LF. */
export function withLineFeeds(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

/** A text with each kind of line end, unchanged first. CR alone is included only if `withCr` is true. */
export function lineEndForms(text: string, withCr: boolean): string[] {
  if (!text.includes('\n')) return [text];
  const plain = text.replaceAll('\r\n', '\n');
  const forms = [
    text,
    plain,
    plain.replaceAll('\n', '\r\n'),
    ...(withCr ? [plain.replaceAll('\n', '\r')] : []),
  ];
  return [...new Set(forms)];
}
