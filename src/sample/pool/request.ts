/** What a pool is asked to compute. */
import type { FloatArray } from '../../engine/engine.ts';
import type { MersenneTwister } from '../../util/mersenne-twister.ts';
import type { Controls } from '../choice/controls.ts';
import type { RecentTokens } from '../choice/recent-tokens.ts';

/** How the engine draws the tokens of a sequence. */
export interface EngineSampling {
  readonly controls: Controls;
  readonly generator: MersenneTwister;
  /** The penalty window; absent without penalties. `take` keeps it up to date. */
  readonly recent: RecentTokens | undefined;
}

/** Chooses the next token from its log-probabilities [V]. */
export type HostSampling = (logProbabilities: FloatArray) => number;

/** A text that is being written. */
export interface PoolSequence {
  readonly sampling: EngineSampling | HostSampling;
  /** Tokens that it takes at most from now on. */
  readonly left: number;
  /** Takes the next tokens. False when it wants no more; by then more than it wants may have been drawn. */
  take(tokens: ArrayLike<number>): boolean;
}

/** A prompt, and the sequences that continue it. */
export interface PoolRequest {
  readonly prompt: readonly number[];
  /** Each takes a slot. Without any, only the prompt is read. */
  readonly sequences: readonly PoolSequence[];
  /** Slots that the caller keeps until it cancels the request, instead of sequences: the prompt is read in the first. */
  readonly held?: number | undefined;
  /**
   * Called with the log-probabilities [V] of each of the prompt's tokens from `predictedFrom` on, before that token is read; those of
   * the first token are uniform.
   */
  readonly onPrompt?: ((position: number, logProbabilities: FloatArray) => void) | undefined;
  /** Position of the first token for which `onPrompt` is called. Default 0. */
  readonly predictedFrom?: number | undefined;
  /** Called when the prompt has been read. */
  readonly onRead?: ((read: PromptRead) => void) | undefined;
  /** Called when the request has failed; nothing follows. */
  readonly onFailure: (error: unknown) => void;
}

export interface PromptRead {
  /** Tokens of the prompt whose state was found in the prefix cache. */
  readonly cachedTokens: number;
  readonly slots: readonly number[];
  /** Log-probabilities [V] of the token after the prompt. */
  readonly logProbabilities: FloatArray;
}

/** A request that was made. */
export interface RequestHandle {
  /** Ends the request and frees its slots: nothing more is computed for it. */
  cancel(): void;
  /** Stops computing for a reader that is slower than the engine, or goes on. */
  pause(paused: boolean): void;
}
