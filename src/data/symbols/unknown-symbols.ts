/** Symbols of a text that its vocabulary does not have. */
import { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import type { TokenKind, Vocabulary } from '../vocabulary.ts';
import { nearestKnown } from './nearest-symbols.ts';
import { describeSymbol, quotedSymbol } from './symbol-text.ts';

/** Different symbols that are told by name. */
const SHOWN = 8;
/** Different symbols that are remembered. */
const REMEMBERED = 1000;

/** What to do with a symbol that is not in the vocabulary; `nearest`: take what is closest among the known, else leave out. */
export type UnknownInText = 'error' | 'skip' | 'nearest';

/** How many symbols of a text are not read as they stand. */
export interface ChangedCounts {
  readonly replaced: number;
  readonly leftOut: number;
}

/** The symbols of a text that are replaced or left out. */
export class ChangedSymbols {
  readonly #vocabulary: Vocabulary;
  readonly #replaces: boolean;
  /** The known symbols in place of an unknown one; none for one that is left out. */
  readonly #known = new Map<string, readonly number[]>();
  #replaced = 0;
  #leftOut = 0;

  constructor(vocabulary: Vocabulary, unknown: UnknownInText) {
    this.#vocabulary = vocabulary;
    // Where symbols are bytes, one of them is no character that another could be close to.
    this.#replaces = unknown === 'nearest' && vocabulary.kind !== 'byte';
  }

  /** The tokens to read for a symbol that is not in the vocabulary. */
  take(symbol: string): readonly number[] {
    const tokens = this.#known.get(symbol) ?? this.#find(symbol);
    if (this.#known.size < REMEMBERED) this.#known.set(symbol, tokens);
    if (tokens.length > 0) this.#replaced++;
    else this.#leftOut++;
    return tokens;
  }

  get counts(): ChangedCounts {
    return { replaced: this.#replaced, leftOut: this.#leftOut };
  }

  /** Lines about them; none where the text is read as it stands. */
  notices(name: string): string[] {
    const { kind } = this.#vocabulary;
    const line = (count: number, what: string, symbols: readonly string[]) => {
      if (count === 0) return [];
      const list = symbols.slice(0, SHOWN).join(', ') + (symbols.length > SHOWN ? ' …' : '');
      return [
        `${name}: ${what.replace('N', `${formatCount(count)} ${kind}${count === 1 ? '' : 's'}`)} (${list})`,
      ];
    };
    const entries = [...this.#known];
    const shown = (tokens: readonly number[]) =>
      JSON.stringify(tokens.map((token) => this.#vocabulary.symbolOf(token)).join(''));
    return [
      ...line(
        this.#replaced,
        'replaced N that the model does not know by the nearest that it knows',
        entries
          .filter(([, tokens]) => tokens.length > 0)
          .map(([symbol, tokens]) => `${quotedSymbol(symbol, kind)} by ${shown(tokens)}`),
      ),
      ...line(
        this.#leftOut,
        'left out N that the model does not know; the loss does not count them',
        entries.filter(([, tokens]) => tokens.length === 0).map(([symbol]) => quotedSymbol(symbol, kind)),
      ),
    ];
  }

  #find(symbol: string): readonly number[] {
    const near = this.#replaces ? nearestKnown(this.#vocabulary, symbol) : undefined;
    return near?.map((known) => this.#vocabulary.tokenOf(known) as number) ?? [];
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
