/** Converts vocabularies of Torch7 programs, whose symbols are byte strings in any order. */
import { compareCodePoints, Vocabulary } from '../../../data/vocabulary.ts';
import { Torch7Fault } from '../errors.ts';
import type { StoredFacts } from '../stored-facts.ts';

export interface SymbolOrder {
  readonly vocabulary: Vocabulary;
  /** The number in the file of each of our tokens, from 0. */
  readonly order: readonly number[];
  /** Whether the order in the file differs from ours. */
  readonly reordered: boolean;
}

/**
 * Sorts the symbols of a file into a vocabulary. Their kind is the one in `facts`; without that, bytes if every symbol is one byte, else
 * characters in UTF-8.
 *
 * @param symbols In the order of the file, with one character for each byte.
 * @throws {Torch7Fault} `torch7-vocabulary`
 */
export function symbolOrder(symbols: readonly string[], facts?: StoredFacts): SymbolOrder {
  if (symbols.length < 2) throw fault(`it has ${symbols.length} symbols, expected two or more`);
  const { hasUnknown = false, normalize = 'none', unicodeVersion } = facts ?? {};
  const known = hasUnknown ? symbols.slice(0, -1) : symbols;
  const bytes = known.map(byteOf);
  const kind = facts?.tokens ?? (bytes.every((byte) => byte !== undefined) ? 'byte' : 'character');
  const texts = kind === 'byte' ? bytes.map(byteAlone) : known.map(textOf);
  const order = texts.map((_, index) => index);
  order.sort((a, b) => compareCodePoints(texts[a] as string, texts[b] as string));
  const sorted = order.map((index) => texts[index] as string);
  if (hasUnknown) order.push(known.length);
  try {
    const vocabulary = new Vocabulary({ kind, normalize, symbols: sorted, hasUnknown, unicodeVersion });
    return { vocabulary, order, reordered: order.some((index, token) => index !== token) };
  } catch (error) {
    if (error instanceof RangeError) throw fault(error.message);
    throw error;
  }
}

function byteAlone(byte: string | undefined): string {
  if (byte === undefined) throw fault('one of its symbols is not a single byte');
  return byte;
}

/** A symbol of one byte; undefined for any other. torch-rnn writes bytes beyond ASCII as `[233]`. */
function byteOf(symbol: string): string | undefined {
  if (symbol.length === 1) return symbol;
  const value = Number(/^\[(\d{3})\]$/.exec(symbol)?.[1]);
  return value >= 128 && value <= 255 ? String.fromCharCode(value) : undefined;
}

function textOf(symbol: string): string {
  try {
    const bytes = Uint8Array.from(symbol, (byte) => byte.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw fault(`its symbol ${JSON.stringify(symbol.slice(0, 20))} is neither a byte nor UTF-8`);
  }
}

function fault(what: string): Torch7Fault {
  return new Torch7Fault('torch7-vocabulary', `its vocabulary can't be used: ${what}`);
}
