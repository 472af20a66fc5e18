/** From the bytes of a file to its text: what is dropped, what is kept and said, what is refused. */
import { TextError } from '../errors.ts';
import { formatCount } from '../util/format-number.ts';
import type { Content } from './tokenizer.ts';
import type { TokenKind } from './vocabulary.ts';

export interface DecodedText {
  readonly content: Content;
  readonly notices: readonly string[];
}

/** A string can't hold more. */
const LARGEST_TEXT = 500_000_000;

/**
 * The text of a file.
 *
 * Bytes are taken as they are. Otherwise they are UTF-8: a byte order mark is dropped and said, CRLF kept and said.
 *
 * @param name What to call the text in messages.
 * @throws {TextError} `text-empty`, `text-binary` (a NUL), `text-not-utf8`
 */
export function decodeText(bytes: Uint8Array, name: string, tokens: TokenKind): DecodedText {
  if (bytes.length === 0) throw emptyText(name, 0);
  if (tokens === 'byte') return { content: bytes, notices: [] };
  if (bytes.length > LARGEST_TEXT) {
    throw new TextError(
      'text-unreadable',
      `${name} has ${formatCount(bytes.length)} bytes; at most ${formatCount(LARGEST_TEXT)} can be read as characters from memory. ` +
        'Read it from a file, or train on a part of it.',
    );
  }
  refuseUtf16(bytes, name);
  const nul = bytes.indexOf(0);
  if (nul >= 0) throw binaryText(name, nul);
  const mark = markLength(bytes);
  const text = decodeUtf8(bytes.subarray(mark), mark, name);
  if (text === '') throw emptyText(name, bytes.length);
  const lineEnds = text.match(/\r\n/g)?.length ?? 0;
  return {
    content: text,
    notices: [
      ...(mark > 0 ? [markNotice(name)] : []),
      ...(lineEnds > 0 ? [lineEndNotice(name, lineEnds)] : []),
    ],
  };
}

/** @throws {TextError} `text-not-utf8` for a text that begins as UTF-16 does */
export function refuseUtf16(start: Uint8Array, name: string): void {
  const wide = (start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff);
  if (!wide) return;
  throw new TextError(
    'text-not-utf8',
    `${name} looks like UTF-16, expected UTF-8. Convert it: iconv -f utf-16 -t utf-8 ${name} > book.txt`,
  );
}

/** Bytes of the byte order mark at the start of a text: 0 or 3. */
export function markLength(start: Uint8Array): number {
  return start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf ? 3 : 0;
}

export function emptyText(name: string, bytes: number): TextError {
  return new TextError(
    'text-empty',
    bytes === 0
      ? `${name} is empty: there is nothing to learn from.`
      : `${name} holds nothing but a byte order mark.`,
  );
}

export function binaryText(name: string, offset: number): TextError {
  return new TextError(
    'text-binary',
    `${name}: byte ${formatCount(offset)} is NUL, so this is no text.\nTo train on any bytes: --tokens byte.`,
  );
}

export function notUtf8(name: string, offset: number, byte: number, cause?: unknown): TextError {
  const value = byte.toString(16).toUpperCase().padStart(2, '0');
  return new TextError(
    'text-not-utf8',
    `${name}: byte ${formatCount(offset)} is not valid UTF-8 (0x${value}).\n` +
      `Read it as bytes with --tokens byte, or convert it: iconv -f latin1 -t utf-8 ${name} > book.txt`,
    { cause },
  );
}

export function markNotice(name: string): string {
  return `${name}: dropped the byte order mark at its start`;
}

export function lineEndNotice(name: string, count: number): string {
  return `${name}: ${formatCount(count)} lines end in CRLF; kept, so the model will write them too`;
}

function decodeUtf8(bytes: Uint8Array, skipped: number, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const offset = firstInvalidByte(bytes);
    throw notUtf8(name, offset + skipped, bytes[offset] as number, error);
  }
}

/**
 * Offset of the first byte, counted from 0, at which no valid UTF-8 sequence starts (RFC 3629).
 *
 * A sequence that is cut short counts as invalid at its first byte.
 */
function firstInvalidByte(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) return at;
    at += length;
  }
  return Math.max(0, bytes.length - 1);
}

/** Bytes of the valid sequence at an offset; 0 where there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  // The first continuation byte rules out overlong forms, surrogates and what lies beyond U+10FFFF.
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i];
    if (byte === undefined || byte < (i === 1 ? low : 0x80) || byte > (i === 1 ? high : 0xbf)) return 0;
  }
  return length;
}
