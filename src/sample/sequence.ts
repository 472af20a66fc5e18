/** A text while it is written: how its tokens are chosen, where it ends, and what of it may be shown. */
import type { FloatArray } from '../engine/engine.ts';
import type { MersenneTwister } from '../util/mersenne-twister.ts';
import type { Controls } from './choice/controls.ts';
import { RecentTokens } from './choice/recent-tokens.ts';
import { TokenChooser } from './choice/token-chooser.ts';
import { type Constraint, endOnTimeout } from './form/constraint.ts';
import type { EngineSampling, HostSampling, PoolSequence } from './pool/request.ts';
import { type Ending, type Limits, StopTracker } from './stops.ts';

/** Some more of a text. */
export interface SequencePiece<Details> {
  readonly tokens: readonly number[];
  /** Of each token, where they were asked for. */
  readonly details: readonly Details[];
  /** Why the text ends with this piece; undefined where it goes on. */
  readonly ending: Ending | undefined;
}

export interface SequenceInput<Details> {
  readonly controls: Controls;
  readonly limits: Limits;
  /** The sequence's own: one number a token. */
  readonly generator: MersenneTwister;
  readonly constraint?: Constraint | undefined;
  /** Whether the engine can draw by the controls. */
  readonly isEngineSampled: boolean;
  /** What is kept of the prediction a token was chosen by. @param probability With which it was drawn, after all controls. */
  readonly describe?: ((row: FloatArray, token: number, probability: number) => Details) | undefined;
  /** Called when there is more of the text, or it has ended. */
  readonly onMore: () => void;
}

export class Sequence<Details> implements PoolSequence {
  readonly sampling: EngineSampling | HostSampling;
  /** Tokens drawn so far, those of a stop text among them. */
  length = 0;
  readonly #limits: Limits;
  readonly #constraint: Constraint | undefined;
  readonly #end: StopTracker;
  readonly #recent: RecentTokens | undefined;
  readonly #onMore: () => void;
  /** What was drawn and not yet given out: first what may be shown, then what may turn out to belong to a stop text. */
  #tokens: number[] = [];
  #details: Details[] = [];
  /** How many tokens were given out. */
  #given = 0;

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

  /** Why the text has ended; undefined while it goes on. */
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

  /** What may be shown now and was not yet given out. */
  flush(): SequencePiece<Details> {
    const count = this.#end.shown - this.#given;
    this.#given = this.#end.shown;
    return {
      tokens: this.#tokens.splice(0, count),
      details: this.#details.splice(0, count),
      ending: this.#end.ending,
    };
  }
}
