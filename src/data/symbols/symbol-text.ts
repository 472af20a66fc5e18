/**
 * Symbols in messages. A byte beyond ASCII is not a character, so its value is shown and, if its neighbours are known, the character that it
 * is part of.
 */
import { announcedLength, firstInvalidByte, isContinuation } from '../../util/utf8.ts';
import type { TokenKind } from '../vocabulary.ts';

const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The symbol itself, or `\xC3` for a byte beyond ASCII. */
export function symbolText(symbol: string, kind: TokenKind): string {
  return isPartByte(symbol, kind) ? `\\x${hex(symbol, 2)}` : symbol;
}

/**
 * The text of symbols that `symbolText` shows one by one: bytes beyond ASCII become characters again. An unfinished character at the end is
 * left out.
 */
export function joinSymbolTexts(texts: Iterable<string>): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let joined = '';
  for (const text of texts) {
    const byte = byteOf(text);
    // Invalid UTF-8 becomes U+FFFD.
    joined +=
      byte === undefined ? decoder.decode() + text : decoder.decode(Uint8Array.of(byte), { stream: true });
  }
  return joined;
}

/**
 * What a text and symbols that `symbolText` shows one by one are together: a text or, if the bytes among them are none, such as the first
 * half of a character, all bytes.
 */
export function joinedContent(text: string, texts: Iterable<string>): string | Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const bytes: number[] = [...encoder.encode(text)];
  let joined = text;
  let hasBytes = false;
  for (const shown of texts) {
    joined += shown;
    const byte = byteOf(shown);
    hasBytes ||= byte !== undefined;
    if (byte === undefined) bytes.push(...encoder.encode(shown));
    else bytes.push(byte);
  }
  if (!hasBytes) return joined;
  const content = Uint8Array.from(bytes);
  return firstInvalidByte(content) === -1 ? STRICT_UTF8.decode(content) : content;
}

/** The byte that `symbolText` shows; undefined for other symbols. A single symbol never has these four characters. */
function byteOf(text: string): number | undefined {
  const digits = /^\\x([0-9A-F]{2})$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** A symbol in quotes. Invisible characters and those that could move the cursor are shown by their numbers. */
export function quotedSymbol(symbol: string, kind: TokenKind): string {
  const hidden = kind === 'byte' ? /[\x7f-\xff]/g : /(?! )[\p{Other}\p{Separator}]/gu;
  return JSON.stringify(symbol).replace(hidden, (char) =>
    kind === 'byte' ? `\\x${hex(char, 2)}` : `U+${hex(char, 4)}`,
  );
}

/** A symbol with its number: `"é" (U+00E9)`, `byte 0xC3 of "é"`. @param whole The character that a byte is part of. */
export function describeSymbol(symbol: string, kind: TokenKind, whole?: string): string {
  if (kind !== 'byte') {
    const points = Array.from(symbol, (char) => `U+${hex(char, 4)}`);
    return `${JSON.stringify(symbol)} (${points.join(' ')})`;
  }
  const byte = `byte 0x${hex(symbol, 2)}`;
  if (!isPartByte(symbol, kind)) return `${byte} (${quotedSymbol(symbol, kind)})`;
  return whole === undefined ? byte : `${byte} of ${JSON.stringify(whole)}`;
}

/** The bytes of a byte model's symbols. */
export function symbolBytes(symbols: Iterable<string>): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(symbols, (symbol) => symbol.charCodeAt(0));
}

/** The UTF-8 character that contains the byte at an index; undefined if there is none. */
export function characterAround(bytes: Uint8Array, index: number): string | undefined {
  let start = index;
  while (start > 0 && index - start < 3 && isContinuation(bytes[start] as number)) start--;
  const end = start + announcedLength(bytes[start] as number);
  if (end <= index) return undefined;
  try {
    return STRICT_UTF8.decode(bytes.subarray(start, end));
  } catch {
    return undefined;
  }
}

/** Whether a symbol is a byte beyond ASCII. */
export function isPartByte(symbol: string, kind: TokenKind): boolean {
  return kind === 'byte' && symbol > '\x7f' && symbol <= '\xff';
}

function hex(symbol: string, digits: number): string {
  return (symbol.codePointAt(0) as number).toString(16).toUpperCase().padStart(digits, '0');
}
