/** Symbols of a text to train on or to evaluate that are not in the vocabulary. `sample/prompt.ts` handles those of prompts. */
import { TextError } from '../../errors.ts';
import { counted, formatCount } from '../../util/format.ts';
import { isContinuation } from '../../util/utf8.ts';
import type { TokenKind, Vocabulary } from '../vocabulary.ts';
import { nearestKnown } from './nearest-symbols.ts';
import { describeSymbol, quotedSymbol } from './symbol-text.ts';

/** Maximum number of different symbols that a notice lists. */
const MAX_SHOWN = 8;
/** Maximum number of different symbols to remember. */
const MAX_REMEMBERED = 1000;

/** What to do with a symbol outside the vocabulary. `nearest`: replace it with the nearest known symbols, or leave it out. */
export type UnknownInText = 'error' | 'skip' | 'nearest';

/** How many symbols of a text were changed. */
export interface ChangedCounts {
  readonly replaced: number;
  readonly leftOut: number;
}

/** Replaces or leaves out unknown symbols, and counts them. */
export class ChangedSymbols {
  readonly #vocabulary: Vocabulary;
  readonly #replaces: boolean;
  /** The tokens that replace each unknown symbol; empty for a symbol that is left out. */
  readonly #known = new Map<string, readonly number[]>();
  #replaced = 0;
  #leftOut = 0;

  constructor(vocabulary: Vocabulary, unknown: UnknownInText) {
    this.#vocabulary = vocabulary;
    // A byte has no nearest byte: it is not a character.
    this.#replaces = unknown === 'nearest' && vocabulary.kind !== 'byte';
  }

  /** The tokens to read instead of an unknown symbol. Counts it. */
  take(symbol: string): readonly number[] {
    const tokens = this.#known.get(symbol) ?? this.#find(symbol);
    if (this.#known.size < MAX_REMEMBERED) this.#known.set(symbol, tokens);
    if (tokens.length > 0) this.#replaced++;
    else this.#leftOut++;
    return tokens;
  }

  get counts(): ChangedCounts {
    return { replaced: this.#replaced, leftOut: this.#leftOut };
  }

  /** Notices about the changes; empty if there were none. */
  notices(name: string): string[] {
    const { kind } = this.#vocabulary;
    const line = (count: number, what: string, symbols: readonly string[]) => {
      if (count === 0) return [];
      const list = symbols.slice(0, MAX_SHOWN).join(', ') + (symbols.length > MAX_SHOWN ? ' …' : '');
      return [`${name}: ${what.replace('N', counted(count, kind))} (${list})`];
    };
    const entries = [...this.#known];
    const shown = (tokens: readonly number[]) =>
      JSON.stringify(tokens.map((token) => this.#vocabulary.symbolOf(token)).join(''));
    return [
      ...line(
        this.#replaced,
        'replaced N that the model does not know with the nearest known ones',
        entries
          .filter(([, tokens]) => tokens.length > 0)
          .map(([symbol, tokens]) => `${quotedSymbol(symbol, kind)} with ${shown(tokens)}`),
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

/** A position in a text: line and column, from 1. Columns count symbols. */
export class TextPosition {
  line = 1;
  column = 1;

  /** Advances past a symbol. */
  pass(symbol: string): void {
    if (symbol.endsWith('\n')) this.newLine();
    else this.column++;
  }

  /** Advances past some bytes, which are symbols themselves or form whole characters. */
  passBytes(bytes: Uint8Array, symbols: 'byte' | 'character'): void {
    let start = 0;
    for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, start)) {
      this.newLine();
      start = at + 1;
    }
    for (let at = start; at < bytes.length; at++) {
      if (symbols === 'byte' || !isContinuation(bytes[at] as number)) this.column++;
    }
  }

  newLine(): void {
    this.line++;
    this.column = 1;
  }
}

/** @param isFromCheckpoint Whether the vocabulary is a checkpoint's, rather than that of the training text. */
export function unknownCharacter(
  symbol: string,
  kind: TokenKind,
  position: TextPosition,
  name: string,
  isFromCheckpoint: boolean,
): TextError {
  const where = `${name}, line ${formatCount(position.line)}, column ${formatCount(position.column)}`;
  const owner = isFromCheckpoint ? "the checkpoint's vocabulary" : 'the vocabulary of the training text';
  return new TextError(
    'text-unknown-character',
    `${where}: ${describeSymbol(symbol, kind)} is not in ${owner}.`,
    {
      remedies: [
        { text: 'To leave such characters out', set: { unknown: 'skip' } },
        ...(isFromCheckpoint
          ? [{ text: 'To train a model that knows them', set: { initVocabulary: 'extend' } }]
          : []),
      ],
    },
  );
}
