/** A request on its way through a pool: it waits for slots, its prompt is read, its streams are written. */
import type { FloatArray } from '../engine/engine.ts';
import type { Beginning } from './beginning.ts';
import type { PooledStream, PoolRequest, PoolTicket } from './pooled-stream.ts';

/** A stream with its place in the engine. */
export interface Seated {
  readonly stream: PooledStream;
  readonly slot: number;
  readonly owner: PooledRequest;
  /** Log-probabilities [V] of its next token, where they do not stand in an engine's tensor. */
  row: FloatArray | undefined;
}

export class PooledRequest implements PoolTicket {
  readonly request: PoolRequest;
  /** Empty while it waits. The prompt is read in the first. */
  slots: number[] = [];
  /** Tokens of the prompt that were read. */
  position = 0;
  cachedTokens = 0;
  /** The last of the prompt's beginnings that is kept; undefined where no more of them are. */
  kept: Beginning | undefined;
  /** Log-probabilities [V] of the token at `position` while the prompt is read, where they are wanted. */
  row: FloatArray | undefined;
  /** Those of its streams that go on; none until the prompt was read. */
  readonly seated = new Set<Seated>();
  isRead = false;
  isEnded = false;
  isPaused = false;
  readonly #onChange: () => void;

  /** @param onChange Told when it was cancelled, paused or goes on. */
  constructor(request: PoolRequest, onChange: () => void) {
    this.request = request;
    this.#onChange = onChange;
  }

  /** Slots that it needs. */
  get size(): number {
    return Math.max(1, this.request.streams.length);
  }

  /** Whether there is something to compute. */
  get isActive(): boolean {
    return !this.isEnded && !this.isPaused;
  }

  /** Gives a stream its tokens. */
  deliver(seated: Seated, tokens: ArrayLike<number>): void {
    if (this.isEnded) return;
    this.attempt(() => {
      if (seated.stream.take(tokens)) return;
      this.seated.delete(seated);
      this.isEnded = this.seated.size === 0;
    });
  }

  /** Makes a call of the request's own; what it throws is the request's failure and nobody else's. */
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
    if (this.isPaused === paused) return;
    this.isPaused = paused;
    this.#onChange();
  }
}
