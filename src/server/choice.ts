/** One text of a completion: from tokens to what is sent. */
import type { Vocabulary } from '../data/vocabulary.ts';
import type { FloatArray } from '../engine/engine.ts';
import type { Constraint } from '../sample/constraint.ts';
import type { Controls } from '../sample/controls.ts';
import { RecentTokens } from '../sample/recent-tokens.ts';
import { type Limits, TextEnd } from '../sample/stops.ts';
import { TokenChooser } from '../sample/token-chooser.ts';
import { MersenneTwister } from '../util/mersenne-twister.ts';
import type { Drawn, PooledStream } from './pooled-stream.ts';
import { TextPieces } from './text-pieces.ts';
import { type PlacedToken, type RatedToken, rateToken } from './token-logprobs.ts';

export interface ChoiceSettings {
  readonly vocabulary: Vocabulary;
  readonly controls: Controls;
  readonly limits: Limits;
  /** What the text must look like. */
  readonly constraint: Constraint | undefined;
  readonly seed: number;
  /** Alternatives to give for each token; undefined where no probabilities are wanted. */
  readonly logprobs: number | undefined;
  /** Code points of the prompt; 0 where the text begins with it. */
  readonly offset: number;
  /** Whether the mean log-probability is asked for. */
  readonly isRanked: boolean;
}

/** A part of a choice's text. */
export interface Part {
  readonly text: string;
  /** Its tokens; null where no probabilities are wanted. */
  readonly rated: readonly PlacedToken[] | null;
}

export class Choice implements PooledStream {
  source: Drawn | ((row: FloatArray) => number) = () => {
    throw new TypeError('this choice has not begun');
  };
  /** Why the text has ended; null while it goes on. */
  finishReason: 'stop' | 'length' | null = null;
  /** Tokens that were drawn, those of a stop string among them. */
  tokenCount = 0;
  /** Called when there is more of the text, or it has ended. */
  onMore: () => void = () => {};
  readonly #settings: ChoiceSettings;
  readonly #end: TextEnd;
  readonly #pieces: TextPieces;
  /** The penalty window of tokens that the engine draws; absent without penalties. */
  #recent: RecentTokens | undefined;
  #logprobSum = 0;
  /** Tokens that may still turn out to belong to a stop string. */
  #held: number[] = [];
  /** What was drawn of these, and of what was not taken yet. */
  #rated: RatedToken[] = [];
  #text = '';
  #shown: PlacedToken[] = [];

  constructor(settings: ChoiceSettings) {
    const { vocabulary, limits, offset, constraint } = settings;
    this.#settings = settings;
    this.#end = new TextEnd(limits);
    this.#pieces = new TextPieces(vocabulary, offset);
    if (this.#end.ending) this.finishReason = 'length';
    else if (constraint?.complete) this.finishReason = 'stop';
  }

  /** @param isEngineDrawn Whether the engine can draw by the controls. */
  begin(isEngineDrawn: boolean): void {
    const { controls, seed, logprobs, isRanked, constraint } = this.#settings;
    const generator = new MersenneTwister(seed);
    if (isEngineDrawn && logprobs === undefined && !isRanked && !constraint) {
      if (controls.penalizes)
        this.#recent = new RecentTokens(controls.vocabularySize, controls.penaltyWindow);
      this.source = { controls, generator, recent: this.#recent };
      return;
    }
    const chooser = new TokenChooser(controls, generator, constraint);
    this.source = (row) => {
      const token = chooser.choose(row);
      if (logprobs !== undefined || isRanked) this.#rated.push(rateToken(token, row, logprobs ?? 0));
      return token;
    };
  }

  get left(): number {
    return this.#settings.limits.length - this.tokenCount;
  }

  /** The mean log-probability of its tokens. */
  get meanLogprob(): number {
    return this.#logprobSum / Math.max(1, this.tokenCount);
  }

  /** Puts the prompt in front. @param rated Its tokens, where probabilities are wanted. */
  echo(tokens: readonly number[], rated: readonly RatedToken[]): void {
    this.#show(tokens, rated);
  }

  take(tokens: ArrayLike<number>): boolean {
    const end = this.#end;
    const shownBefore = end.shown;
    for (let i = 0; i < tokens.length && !end.ending; i++) {
      const token = tokens[i] as number;
      end.push(token);
      this.#recent?.push(token);
      this.#held.push(token);
      this.#logprobSum += this.#rated[this.#held.length - 1]?.logprob ?? 0;
      this.tokenCount++;
      if (this.#settings.constraint?.complete && !end.ending) end.end('complete');
    }
    const shown = end.shown - shownBefore;
    this.#show(this.#held.splice(0, shown), this.#rated.splice(0, shown));
    if (end.ending) {
      this.finishReason = end.ending === 'length' ? 'length' : 'stop';
      this.#text += this.#pieces.end();
    }
    this.onMore();
    return !end.ending;
  }

  /** What has come since the last call. */
  takePart(): Part {
    const part = {
      text: this.#text,
      rated: this.#settings.logprobs === undefined ? null : this.#shown,
    };
    this.#text = '';
    this.#shown = [];
    return part;
  }

  #show(tokens: readonly number[], rated: readonly RatedToken[]): void {
    if (this.#settings.logprobs === undefined) {
      this.#text += this.#pieces.push(tokens);
      return;
    }
    tokens.forEach((token, index) => {
      this.#shown.push({ ...(rated[index] as RatedToken), offset: this.#pieces.codePoints });
      this.#text += this.#pieces.push([token]);
    });
  }
}
