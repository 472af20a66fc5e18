/** From the bytes of a file to its text: what is dropped, what is kept and said, what is refused. */
import { TextError } from '../errors.ts';
import { formatCount } from '../util/format-number.ts';
import type { Content } from './tokenizer.ts';
import type { Normalization, TokenKind } from './vocabulary.ts';

export interface DecodedText {
  readonly content: Content;
  readonly notices: readonly string[];
}

/** A string can't hold more; texts are read whole. */
const LARGEST_TEXT = 500_000_000;

/**
 * The text of a file.
 *
 * Bytes are taken as they are. Otherwise they are UTF-8: a byte order mark is dropped and said, CRLF kept and said.
 *
 * @param name What to call the text in messages.
 * @throws {TextError} `text-empty`, `text-binary` (a NUL), `text-not-utf8`
 */
export function decodeText(
  bytes: Uint8Array,
  name: string,
  options: { readonly tokens: TokenKind; readonly normalize: Normalization },
): DecodedText {
  if (bytes.length === 0)
    throw new TextError('text-empty', `${name} is empty: there is nothing to learn from.`);
  if (options.tokens === 'byte') return { content: bytes, notices: [] };
  if (bytes.length > LARGEST_TEXT) {
    throw new TextError(
      'text-unreadable',
      `${name} has ${formatCount(bytes.length)} bytes; at most ${formatCount(LARGEST_TEXT)} can be read as characters. ` +
        'Train on a part of it.',
    );
  }
  refuseForeign(bytes, name);
  const notices: string[] = [];
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  if (hasMark) notices.push(`${name}: dropped the byte order mark at its start`);
  const text = decodeUtf8(bytes.subarray(hasMark ? 3 : 0), hasMark ? 3 : 0, name);
  if (text === '') throw new TextError('text-empty', `${name} holds nothing but a byte order mark.`);
  const lineEnds = text.match(/\r\n/g)?.length ?? 0;
  if (lineEnds > 0) {
    notices.push(
      `${name}: ${formatCount(lineEnds)} lines end in CRLF; kept, so the model will write them too`,
    );
  }
  return { content: options.normalize === 'nfc' ? text.normalize('NFC') : text, notices };
}

function refuseForeign(bytes: Uint8Array, name: string): void {
  const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (wide) {
    throw new TextError(
      'text-not-utf8',
      `${name} looks like UTF-16, expected UTF-8. Convert it: iconv -f utf-16 -t utf-8 ${name} > book.txt`,
    );
  }
  const nul = bytes.indexOf(0);
  if (nul < 0) return;
  throw new TextError(
    'text-binary',
    `${name}: byte ${formatCount(nul)} is NUL, so this is no text.\nTo train on any bytes: --tokens byte.`,
  );
}

function decodeUtf8(bytes: Uint8Array, skipped: number, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const offset = firstInvalidByte(bytes);
    const value = (bytes[offset] as number).toString(16).toUpperCase().padStart(2, '0');
    throw new TextError(
      'text-not-utf8',
      `${name}: byte ${formatCount(offset + skipped)} is not valid UTF-8 (0x${value}).\n` +
        `Read it as bytes with --tokens byte, or convert it: iconv -f latin1 -t utf-8 ${name} > book.txt`,
      { cause: error },
    );
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
