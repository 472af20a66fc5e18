/** Symbols of a text that its vocabulary does not have. */
import { TextError } from '../errors.ts';
import { formatCount } from '../util/format-number.ts';
import { describeSymbol, quotedSymbol } from './symbol-text.ts';
import type { TokenKind } from './vocabulary.ts';

/** Different symbols that are told by name. */
const SHOWN = 8;
/** Different symbols that are counted; of more it is not known how many there are. */
const REMEMBERED = 1000;

/** What was left out, with --unknown skip. */
export class SkippedSymbols {
  readonly #kind: TokenKind;
  readonly #symbols = new Set<string>();
  #count = 0;

  constructor(kind: TokenKind) {
    this.#kind = kind;
  }

  add(symbol: string): void {
    this.#count++;
    if (this.#symbols.size < REMEMBERED) this.#symbols.add(symbol);
  }

  /** A line about them; none where nothing was left out. */
  notices(name: string): string[] {
    if (this.#count === 0) return [];
    const shown = [...this.#symbols].slice(0, SHOWN).map((symbol) => quotedSymbol(symbol, this.#kind));
    const list = shown.join(' ') + (this.#symbols.size > shown.length ? ' …' : '');
    return [
      `${name}: left out ${formatCount(this.#count)} ${this.#kind === 'byte' ? 'bytes' : 'characters'} that are not in the vocabulary (${list}); the loss does not count them`,
    ];
  }
}

/** A place in a text: line and column, counted from 1, the column in symbols. */
export class TextPlace {
  line = 1;
  column = 1;

  /** Goes past a symbol. */
  pass(symbol: string): void {
    if (symbol.endsWith('\n')) this.newLine();
    else this.column++;
  }

  /** Goes past some bytes, each a symbol, or past those of whole characters. */
  passBytes(bytes: Uint8Array, symbols: 'byte' | 'character'): void {
    let start = 0;
    for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, start)) {
      this.newLine();
      start = at + 1;
    }
    for (let at = start; at < bytes.length; at++) {
      if (symbols === 'byte' || ((bytes[at] as number) & 0xc0) !== 0x80) this.column++;
    }
  }

  newLine(): void {
    this.line++;
    this.column = 1;
  }
}

/** @param isOfCheckpoint Whether the vocabulary came with a checkpoint; else it is that of the training text. */
export function unknownCharacter(
  symbol: string,
  kind: TokenKind,
  place: TextPlace,
  name: string,
  isOfCheckpoint: boolean,
): TextError {
  const where = `${name}, line ${formatCount(place.line)}, column ${formatCount(place.column)}`;
  const owner = isOfCheckpoint
    ? "the checkpoint's vocabulary"
    : 'the vocabulary, which is that of the training text';
  return new TextError(
    'text-unknown-character',
    `${where}: ${describeSymbol(symbol, kind)} is not in ${owner}.`,
    {
      remedies: [
        { text: 'To leave such characters out', set: { unknown: 'skip' } },
        ...(isOfCheckpoint
          ? [{ text: 'To train a model that knows them', set: { initVocabulary: 'extend' } }]
          : []),
      ],
    },
  );
}
