/** One text of a completion: turns its tokens into the text and log-probabilities to send. */
import type { Vocabulary } from '../../data/vocabulary.ts';
import type { FloatArray } from '../../engine/engine.ts';
import type { Controls } from '../../sample/choice/controls.ts';
import type { Constraint } from '../../sample/form/constraint.ts';
import { Sequence } from '../../sample/sequence.ts';
import type { Ending, Limits } from '../../sample/stops.ts';
import { MersenneTwister } from '../../util/mersenne-twister.ts';
import { TextPieces } from './text-pieces.ts';
import { type PlacedToken, type RatedToken, rateToken } from './token-logprobs.ts';

export interface ChoiceInput {
  readonly vocabulary: Vocabulary;
  readonly controls: Controls;
  readonly limits: Limits;
  /** The form that the text must have. */
  readonly constraint: Constraint | undefined;
  readonly seed: number;
  /** How many alternatives to list for each token; undefined if no log-probabilities are wanted. */
  readonly logprobs: number | undefined;
  /** Code points of the prompt; 0 if the text includes the prompt. */
  readonly offset: number;
  /** Whether `meanLogprob` will be used. */
  readonly isRanked: boolean;
}

/** A part of a choice's text. */
export interface ChoicePart {
  readonly text: string;
  /** Its tokens with their log-probabilities; null if none are wanted. */
  readonly rated: readonly PlacedToken[] | null;
}

export class Choice {
  /** Why the text has ended; null while it continues. */
  finishReason: 'stop' | 'length' | null = null;
  /** Called when the text has more tokens, or has ended. */
  onMore: () => void = () => {};
  readonly #input: ChoiceInput;
  readonly #pieces: TextPieces;
  #sequence: Sequence<RatedToken> | undefined;
  #logprobSum = 0;
  #text = '';
  #shown: PlacedToken[] = [];

  constructor(input: ChoiceInput) {
    this.#input = input;
    this.#pieces = new TextPieces(input.vocabulary, input.offset);
  }

  /**
   * Starts the text.
   *
   * @param isEngineSampled Whether the engine can apply the controls.
   */
  begin(isEngineSampled: boolean): Sequence<RatedToken> {
    const { controls, limits, constraint, seed, logprobs, isRanked } = this.#input;
    const rate = (row: FloatArray, token: number) => {
      const rated = rateToken(token, row, logprobs ?? 0);
      this.#logprobSum += rated.logprob ?? 0;
      return rated;
    };
    const sequence = new Sequence({
      ...{ controls, limits, constraint, isEngineSampled },
      generator: new MersenneTwister(seed),
      describe: this.#hasLogprobs || isRanked ? rate : undefined,
      onMore: () => this.#take(sequence),
    });
    this.#sequence = sequence;
    if (sequence.ending) this.finishReason = finishReasonOf(sequence.ending);
    return sequence;
  }

  /** Tokens drawn so far, including those of a stop string. */
  get tokenCount(): number {
    return this.#sequence?.length ?? 0;
  }

  /** The mean log-probability of its tokens. */
  get meanLogprob(): number {
    return this.#logprobSum / Math.max(1, this.tokenCount);
  }

  /** Puts the prompt before the text. @param rated Its tokens with their log-probabilities; empty if none are wanted. */
  echo(tokens: readonly number[], rated: readonly RatedToken[]): void {
    this.#show(tokens, rated);
  }

  /** The part of the text since the last call. */
  takePart(): ChoicePart {
    const part = { text: this.#text, rated: this.#hasLogprobs ? this.#shown : null };
    this.#text = '';
    this.#shown = [];
    return part;
  }

  get #hasLogprobs(): boolean {
    return this.#input.logprobs !== undefined;
  }

  #take(sequence: Sequence<RatedToken>): void {
    const { tokens, details, ending } = sequence.flush();
    this.#show(tokens, details);
    if (ending) {
      this.finishReason = finishReasonOf(ending);
      this.#text += this.#pieces.end();
    }
    this.onMore();
  }

  #show(tokens: readonly number[], rated: readonly RatedToken[]): void {
    if (!this.#hasLogprobs) {
      this.#text += this.#pieces.push(tokens);
      return;
    }
    tokens.forEach((token, index) => {
      this.#shown.push({ ...(rated[index] as RatedToken), offset: this.#pieces.codePoints });
      this.#text += this.#pieces.push([token]);
    });
  }
}

/** OpenAI's finish reason. A text that ended because its form is complete counts as `stop`. */
function finishReasonOf(ending: Ending): 'stop' | 'length' {
  return ending === 'length' ? 'length' : 'stop';
}
