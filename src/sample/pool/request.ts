/** Requests to a pool: a prompt, and the sequences that continue it. */
import type { DrawPlace, FloatArray, HeldUnit } from '../../engine/engine.ts';
import type { MersenneTwister } from '../../util/mersenne-twister.ts';
import type { Controls } from '../choice/controls.ts';
import type { RecentTokens } from '../choice/recent-tokens.ts';

/** For sequences that the engine samples: their controls and random numbers. */
export interface EngineSampling {
  readonly controls: Controls;
  readonly generator: MersenneTwister;
  /** The tokens in the penalty window; undefined without penalties. `take` updates it. */
  readonly recent: RecentTokens | undefined;
}

/** For other sequences: chooses the next token from its log-probabilities [V]. */
export type HostSampling = (logProbabilities: FloatArray) => number;

/** A text that is being written. */
export interface PoolSequence {
  readonly sampling: EngineSampling | HostSampling;
  /** Tokens that it has taken. */
  readonly length: number;
  /** Maximum tokens that it still takes. */
  readonly left: number;
  /** Takes the next tokens. They may be more than it wants. Returns false if it wants no more. */
  take(tokens: ArrayLike<number>): boolean;
}

/** A prompt, and the sequences that continue it. */
export interface PoolRequest {
  readonly prompt: readonly number[];
  /** Each sequence needs a slot. Without sequences, only the prompt is read. */
  readonly sequences: readonly PoolSequence[];
  /** Units to hold while the sequences are written. Sequences are computed in one batch if they have the same array. Default: none. */
  readonly hold?: readonly HeldUnit[] | undefined;
  /** Where the tokens of sequences that the engine samples are drawn. Default: on the host. */
  readonly draws?: DrawPlace | undefined;
  /** Units to hold while the prompt is read from `predictedFrom` on. Default: none. */
  readonly promptHold?: readonly HeldUnit[] | undefined;
  /** Slots to reserve until the caller cancels the request, instead of sequences. All get the prompt's state. */
  readonly held?: number | undefined;
  /**
   * Called with the log-probabilities [V] of each token of the prompt from `predictedFrom` on, before that token is read. Those of the
   * first token are uniform.
   */
  readonly onPrompt?: ((position: number, logProbabilities: FloatArray) => void) | undefined;
  /** Position of the first token for which `onPrompt` is called. Default: 0. */
  readonly predictedFrom?: number | undefined;
  /** Called when the prompt has been read. */
  readonly onRead?: ((read: PromptRead) => void) | undefined;
  /** Called if the request fails. No other callback follows. */
  readonly onFailure: (error: unknown) => void;
}

export interface PromptRead {
  /** How many tokens of the prompt were not read, because the prefix cache had the state after them. */
  readonly cachedTokens: number;
  readonly slots: readonly number[];
  /** Log-probabilities [V] of the token after the prompt. */
  readonly logProbabilities: FloatArray;
}

/** A handle of a request that was started. */
export interface RequestHandle {
  /** Ends the request and frees its slots. Nothing more is computed for it. */
  cancel(): void;
  /** Pauses the request, for a reader that is slower than the engine, or resumes it. */
  pause(paused: boolean): void;
}
