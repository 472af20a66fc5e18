/** The progress of a request in a pool: it waits for slots, its prompt is read, then its sequences are written. */
import type { FloatArray } from '../../engine/engine.ts';
import type { PrefixNode } from './prefix-cache.ts';
import type { PoolRequest, PoolSequence, RequestHandle } from './request.ts';

/** A sequence that is being written, with its slot. */
export interface ActiveSequence {
  readonly sequence: PoolSequence;
  readonly slot: number;
  readonly request: ActiveRequest;
  /** Log-probabilities [V] of its next token; undefined if the engine has them in a tensor. */
  row: FloatArray | undefined;
}

export class ActiveRequest implements RequestHandle {
  readonly request: PoolRequest;
  /** The start of the prompt, which is read in blocks. The rest is read token by token, for its predictions. */
  readonly head: readonly number[];
  /** Empty while it waits. The prompt is read in the first slot. */
  slots: number[] = [];
  /** How many tokens of the prompt have been read. */
  position = 0;
  cachedTokens = 0;
  /** The longest cached prefix of the prompt; undefined if no more prefixes will be cached. */
  kept: PrefixNode | undefined;
  /** Log-probabilities [V] of the token at `position` of the prompt. */
  row: FloatArray | undefined;
  /** The unfinished sequences; none until the prompt has been read. */
  readonly sequences = new Set<ActiveSequence>();
  isRead = false;
  isEnded = false;
  isPaused = false;
  readonly #onChange: () => void;

  /** @param onChange Called when the request is cancelled, paused or resumed. */
  constructor(request: PoolRequest, onChange: () => void) {
    this.request = request;
    const { prompt, onPrompt, predictedFrom = 0 } = request;
    this.head = onPrompt ? prompt.slice(0, predictedFrom) : prompt;
    this.#onChange = onChange;
  }

  /** How many slots it needs. */
  get size(): number {
    return this.request.held ?? Math.max(1, this.request.sequences.length);
  }

  /** Whether there is something to compute. */
  get isActive(): boolean {
    return !this.isEnded && !this.isPaused && (!this.isRead || this.sequences.size > 0);
  }

  get isReadingHead(): boolean {
    return this.isActive && this.position < this.head.length;
  }

  /** Passes new tokens to a sequence. */
  deliver(active: ActiveSequence, tokens: ArrayLike<number>): void {
    if (this.isEnded) return;
    this.attempt(() => {
      if (active.sequence.take(tokens)) return;
      this.sequences.delete(active);
      this.isEnded = this.sequences.size === 0;
    });
  }

  /** Calls a callback. If it throws, this request fails, but no other. */
  attempt<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  fail(error: unknown): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.request.onFailure(error);
  }

  cancel(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#onChange();
  }

  pause(paused: boolean): void {
    if (this.isEnded || this.isPaused === paused) return;
    this.isPaused = paused;
    this.#onChange();
  }
}
