/** What a pool of streams is asked to compute. */
import type { FloatArray } from '../engine/engine.ts';
import type { Controls } from '../sample/controls.ts';
import type { RecentTokens } from '../sample/recent-tokens.ts';
import type { MersenneTwister } from '../util/mersenne-twister.ts';

/** Tokens that the engine draws by itself. */
export interface Drawn {
  readonly controls: Controls;
  readonly generator: MersenneTwister;
  /** The penalty window; absent without penalties. `take` keeps it up to date. */
  readonly recent: RecentTokens | undefined;
}

/** One text that is being written. */
export interface PooledStream {
  /** How its tokens come about: drawn by the engine, or chosen one by one from log-probabilities [V]. */
  readonly source: Drawn | ((logProbabilities: FloatArray) => number);
  /** Tokens that it will take at most from now on. */
  readonly left: number;
  /** Given its next tokens. False when it wants no more; more than it wants may have been drawn by then. */
  take(tokens: ArrayLike<number>): boolean;
}

/** A prompt, and the streams that continue it. */
export interface PoolRequest {
  readonly prompt: readonly number[];
  /** As many slots are taken. Without any, the prompt alone is read. */
  readonly streams: readonly PooledStream[];
  /** Given log-probabilities [V] of each of the prompt's tokens, before it is read; the first is uniform. Nothing is taken from the cache then. */
  readonly onPrompt?: ((position: number, logProbabilities: FloatArray) => void) | undefined;
  /** Told when the prompt was read. */
  readonly onRead?: ((facts: { readonly cachedTokens: number }) => void) | undefined;
  /** Told when the engine failed; nothing follows. */
  readonly onFailure: (error: unknown) => void;
}

/** The request's end of it. */
export interface PoolTicket {
  /** Ends the request: nothing of it is computed any more. */
  cancel(): void;
  /** Whether its streams wait, prompt or not, for a reader that is slower than they are. */
  pause(paused: boolean): void;
}
