/**
 * Symbols as people read them. A byte beyond ASCII is not a character: it is shown by its value, and where its neighbours are known, with
 * the character that it is a part of.
 */
import { announcedLength, isContinuation } from '../../util/utf8.ts';
import type { TokenKind } from '../vocabulary.ts';

const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The symbol itself; a byte beyond ASCII as `\xC3`. */
export function symbolText(symbol: string, kind: TokenKind): string {
  return isPartByte(symbol, kind) ? `\\x${hex(symbol, 2)}` : symbol;
}

/** A symbol in quotes; what can't be seen, or could move the cursor, by its number. */
export function quotedSymbol(symbol: string, kind: TokenKind): string {
  const hidden = kind === 'byte' ? /[\x7f-\xff]/g : /(?! )[\p{Other}\p{Separator}]/gu;
  return JSON.stringify(symbol).replace(hidden, (char) =>
    kind === 'byte' ? `\\x${hex(char, 2)}` : `U+${hex(char, 4)}`,
  );
}

/** A symbol with its number: `"é" (U+00E9)`, `byte 0xC3 of "é"`. @param whole The character that a byte is a part of. */
export function describeSymbol(symbol: string, kind: TokenKind, whole?: string): string {
  if (kind !== 'byte') {
    const points = Array.from(symbol, (char) => `U+${hex(char, 4)}`);
    return `${JSON.stringify(symbol)} (${points.join(' ')})`;
  }
  const byte = `byte 0x${hex(symbol, 2)}`;
  if (!isPartByte(symbol, kind)) return `${byte} (${quotedSymbol(symbol, kind)})`;
  return whole === undefined ? byte : `${byte} of ${JSON.stringify(whole)}`;
}

/** Symbols of a model over bytes as the bytes that they are. */
export function symbolBytes(symbols: Iterable<string>): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(symbols, (symbol) => symbol.charCodeAt(0));
}

/** The character of UTF-8 that a byte is a part of; undefined where it is of none. */
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

/** Whether a symbol is a byte that is no character by itself. */
export function isPartByte(symbol: string, kind: TokenKind): boolean {
  return kind === 'byte' && symbol > '\x7f' && symbol <= '\xff';
}

function hex(symbol: string, digits: number): string {
  return (symbol.codePointAt(0) as number).toString(16).toUpperCase().padStart(digits, '0');
}
