/** A text that is being generated: how its tokens are chosen, where it ends, and which of them may already be shown. */
import type { FloatArray } from '../engine/engine.ts';
import type { MersenneTwister } from '../util/mersenne-twister.ts';
import type { Controls } from './choice/controls.ts';
import { RecentTokens } from './choice/recent-tokens.ts';
import { TokenChooser } from './choice/token-chooser.ts';
import { type Constraint, endOnTimeout } from './form/constraint.ts';
import type { EngineSampling, HostSampling, PoolSequence } from './pool/request.ts';
import { type Ending, type Limits, StopTracker } from './stops.ts';

/** The next tokens of a text. */
export interface SequencePiece<Details> {
  readonly tokens: readonly number[];
  /** One for each token; empty if no details are wanted. */
  readonly details: readonly Details[];
  /** Why the text ended with this piece; undefined if it continues. */
  readonly ending: Ending | undefined;
}

export interface SequenceInput<Details> {
  readonly controls: Controls;
  readonly limits: Limits;
  /** Used by this sequence alone, once for each token. */
  readonly generator: MersenneTwister;
  readonly constraint?: Constraint | undefined;
  /** Whether the engine can apply the controls. */
  readonly isEngineSampled: boolean;
  /** Makes the details of a token from the prediction. @param probability Of the token, after all controls. */
  readonly describe?: ((row: FloatArray, token: number, probability: number) => Details) | undefined;
  /** Called when the text has more tokens, or has ended. */
  readonly onMore: () => void;
}

export class Sequence<Details> implements PoolSequence {
  readonly sampling: EngineSampling | HostSampling;
  /** Tokens drawn so far, including those of a stop text. */
  length = 0;
  readonly #limits: Limits;
  readonly #constraint: Constraint | undefined;
  readonly #end: StopTracker;
  readonly #recent: RecentTokens | undefined;
  readonly #onMore: () => void;
  /** Drawn tokens that were not yet returned by `flush`; the last ones may turn out to be part of a stop text. */
  #tokens: number[] = [];
  #details: Details[] = [];
  /** How many tokens `flush` has returned. */
  #returned = 0;

  constructor(input: SequenceInput<Details>) {
    const { controls, limits, generator, constraint, describe } = input;
    this.#limits = limits;
    this.#constraint = constraint;
    this.#end = new StopTracker(limits);
    this.#onMore = input.onMore;
    if (constraint?.isComplete && !this.#end.ending) this.#end.end('complete');
    if (input.isEngineSampled && !constraint && !describe) {
      const { hasPenalties, vocabularySize, penaltyWindow } = controls;
      this.#recent = hasPenalties ? new RecentTokens(vocabularySize, penaltyWindow) : undefined;
      this.sampling = { controls, generator, recent: this.#recent };
      return;
    }
    const chooser = new TokenChooser(controls, generator, constraint);
    this.sampling = (row) => {
      const token = chooser.choose(row);
      if (describe) this.#details.push(describe(row, token, chooser.probability));
      return token;
    };
  }

  /** Why the text has ended; undefined while it continues. */
  get ending(): Ending | undefined {
    return this.#end.ending;
  }

  get left(): number {
    return this.#limits.length - this.length;
  }

  take(tokens: ArrayLike<number>): boolean {
    const end = this.#end;
    for (let i = 0; i < tokens.length && !end.ending; i++) {
      const token = tokens[i] as number;
      this.#recent?.push(token);
      this.#tokens.push(token);
      this.length++;
      end.push(token);
      if (this.#constraint?.isComplete && !end.ending) end.end('complete');
    }
    if (end.isTimedOut()) endOnTimeout(end, this.#constraint);
    this.#onMore();
    return !end.ending;
  }

  /** The tokens that may be shown and were not returned before. */
  flush(): SequencePiece<Details> {
    const count = this.#end.shown - this.#returned;
    this.#returned = this.#end.shown;
    return {
      tokens: this.#tokens.splice(0, count),
      details: this.#details.splice(0, count),
      ending: this.#end.ending,
    };
  }
}
