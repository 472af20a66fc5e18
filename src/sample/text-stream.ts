/** One text while it is written: its chooser, its end, and what of it may be shown. */
import type { FloatArray } from '../engine/engine.ts';
import { type Constraint, endInTime } from './constraint.ts';
import type { RecentTokens } from './recent-tokens.ts';
import type { Ending, TextEnd } from './stops.ts';
import type { TokenChooser } from './token-chooser.ts';
import type { PredictionReader, TokenDetails } from './token-details.ts';

/** Some more of a text. */
export interface TokenPiece {
  /** The text's number. */
  readonly stream: number;
  readonly tokens: readonly number[];
  /** Of each token, where they were asked for. */
  readonly details: readonly TokenDetails[];
  /** Why the text ends with this piece; undefined where it goes on. */
  readonly ending: Ending | undefined;
}

export interface TextStreamInit {
  readonly stream: number;
  readonly chooser: TokenChooser;
  readonly end: TextEnd;
  readonly constraint: Constraint | undefined;
  /** Present where details are wanted. */
  readonly reader: PredictionReader | undefined;
}

export class TextStream {
  readonly #init: TextStreamInit;
  /** What was drawn and not yet given away: first what may be shown, then what is held back. */
  #tokens: number[] = [];
  #details: TokenDetails[] = [];
  /** How many tokens were given away. */
  #given = 0;

  constructor(init: TextStreamInit) {
    this.#init = init;
    if (init.constraint?.complete && !init.end.ending) init.end.end('complete');
  }

  get ended(): boolean {
    return this.#init.end.ending !== undefined;
  }

  /** Tokens drawn so far. */
  get length(): number {
    return this.#given + this.#tokens.length;
  }

  /** Chooses the next token by a prediction that begins at `offset`, and takes it. */
  choose(predictions: FloatArray, offset: number): number {
    const { chooser, reader } = this.#init;
    const token = chooser.choose(predictions, offset);
    if (reader) this.#details.push(reader.describe(predictions, offset, token, chooser.probability));
    this.#add(token);
    return token;
  }

  /** Takes a token that the engine drew. */
  take(token: number): void {
    this.recent?.push(token);
    this.#add(token);
  }

  /** What it has written lately; absent without penalties. */
  get recent(): RecentTokens | undefined {
    return this.#init.chooser.recent;
  }

  #add(token: number): void {
    const { end, constraint } = this.#init;
    this.#tokens.push(token);
    end.push(token);
    if (constraint?.complete && !this.ended) end.end('complete');
  }

  /** Looks at the clock. */
  checkTime(): void {
    const { end, constraint } = this.#init;
    if (end.isLate()) endInTime(end, constraint);
  }

  /** What may be shown now, and was not yet. */
  flush(): TokenPiece {
    const { stream, end } = this.#init;
    const count = end.shown - this.#given;
    this.#given = end.shown;
    return {
      stream,
      tokens: this.#tokens.splice(0, count),
      details: this.#details.splice(0, count),
      ending: end.ending,
    };
  }
}
