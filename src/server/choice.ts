/** One text of a completion: from tokens to what is sent. */
import type { Vocabulary } from '../data/vocabulary.ts';
import type { FloatArray } from '../engine/engine.ts';
import type { Controls } from '../sample/controls.ts';
import { type Limits, TextEnd } from '../sample/stops.ts';
import { TokenChooser } from '../sample/token-chooser.ts';
import { MersenneTwister } from '../util/mersenne-twister.ts';
import type { Drawn, PooledStream } from './pooled-stream.ts';
import { TextPieces } from './text-pieces.ts';
import { type Logprobs, logprobsOf, type RatedToken, rateToken } from './token-logprobs.ts';

export interface ChoiceSettings {
  readonly vocabulary: Vocabulary;
  readonly controls: Controls;
  readonly limits: Limits;
  readonly seed: number;
  /** Alternatives to tell of each token; undefined where no probabilities are told. */
  readonly logprobs: number | undefined;
  /** Whether the mean log-probability is asked for. */
  readonly isRanked: boolean;
}

/** A part of a choice's text. */
export interface Part {
  readonly text: string;
  readonly logprobs: Logprobs | null;
}

export class Choice implements PooledStream {
  readonly source: Drawn | ((row: FloatArray) => number);
  /** Why the text has ended; null while it goes on. */
  finishReason: 'stop' | 'length' | null = null;
  /** Tokens that were drawn, those of a stop string among them. */
  tokenCount = 0;
  /** Told when there is more of the text, or it has ended. */
  onMore: () => void = () => {};
  readonly #settings: ChoiceSettings;
  readonly #end: TextEnd;
  readonly #pieces: TextPieces;
  #logprobSum = 0;
  /** Tokens that may still turn out to belong to a stop string. */
  #held: number[] = [];
  /** What was drawn of these, and of what was not taken yet. */
  #rated: RatedToken[] = [];
  #text = '';
  #told: RatedToken[] = [];
  #offsets: number[] = [];

  constructor(settings: ChoiceSettings) {
    const { vocabulary, controls, limits, seed, logprobs, isRanked } = settings;
    this.#settings = settings;
    this.#end = new TextEnd(limits);
    this.#pieces = new TextPieces(vocabulary);
    if (this.#end.ending) this.finishReason = 'length';
    const generator = new MersenneTwister(seed);
    if (controls.plain && logprobs === undefined && !isRanked) {
      this.source = { temperature: controls.temperature, generator };
      return;
    }
    const chooser = new TokenChooser(controls, generator);
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

  /** Puts the prompt in front, with what the model thought of it where probabilities are told. */
  echo(tokens: readonly number[], rated: readonly RatedToken[]): void {
    this.#show(tokens, rated);
  }

  take(tokens: ArrayLike<number>): boolean {
    const end = this.#end;
    const shownBefore = end.shown;
    for (let i = 0; i < tokens.length && !end.ending; i++) {
      const token = tokens[i] as number;
      end.push(token);
      this.#held.push(token);
      this.#logprobSum += this.#rated[this.#held.length - 1]?.logprob ?? 0;
      this.tokenCount++;
    }
    const shown = end.shown - shownBefore;
    this.#show(this.#held.splice(0, shown), this.#rated.splice(0, shown));
    if (end.ending) {
      this.finishReason = end.ending === 'stop' ? 'stop' : 'length';
      this.#text += this.#pieces.end();
    }
    this.onMore();
    return !end.ending;
  }

  /** What has come since the last call. */
  takePart(): Part {
    const { vocabulary, logprobs } = this.#settings;
    const part = {
      text: this.#text,
      logprobs: logprobs === undefined ? null : logprobsOf(vocabulary, this.#told, this.#offsets),
    };
    this.#text = '';
    this.#told = [];
    this.#offsets = [];
    return part;
  }

  #show(tokens: readonly number[], rated: readonly RatedToken[]): void {
    if (this.#settings.logprobs === undefined) {
      this.#text += this.#pieces.push(tokens);
      return;
    }
    tokens.forEach((token, index) => {
      this.#offsets.push(this.#pieces.codePoints);
      this.#text += this.#pieces.push([token]);
      this.#told.push(rated[index] as RatedToken);
    });
  }
}
