/** Line ends: LF, CRLF, and CR alone as old Macs wrote them. */
import type { ByteTransform } from './byte-transform.ts';

const LF = 0x0a;
const CR = 0x0d;

/** Bytes at the start of a text by which CR alone is told from a stray one. */
const MAX_START = 1 << 16;

/** Whether lines end in CR alone, by the first bytes of a text. */
export function endsLinesInCr(start: Uint8Array): boolean {
  const sample = start.subarray(0, MAX_START);
  return sample.includes(CR) && !sample.includes(LF);
}

/** As `endsLinesInCr`, of a string. */
export function stringEndsLinesInCr(text: string): boolean {
  const sample = text.slice(0, MAX_START);
  return sample.includes('\r') && !sample.includes('\n');
}

/** Makes LF of CRLF and of CR. */
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

/** A string with LF for CRLF and CR. */
export function withLineFeeds(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

/** A text as it may be written with other line ends: itself first; the one with CR only where that is asked for. */
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
