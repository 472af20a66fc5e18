/**
 * A request that is made again whenever what it asks for has changed, but never twice at once: while one is in flight, the next one for the
 * same key waits for its end. A request for another key replaces it, and what arrives for the old one has to be dropped.
 */
export class RepeatedRequest {
  readonly #send: (key: string, isCurrent: () => boolean) => Promise<void>;
  readonly #pause: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #inFlight: { readonly key: string; isAgain: boolean } | undefined;

  /**
   * @param send Sends a request. Once `isCurrent` returns false, its answer is no longer wanted.
   * @param pause Milliseconds between the end of a request and the next one, if that was asked for meanwhile.
   */
  constructor(send: (key: string, isCurrent: () => boolean) => Promise<void>, pause: number) {
    this.#send = send;
    this.#pause = pause;
  }

  /** Sends a request after some milliseconds, instead of the one that waits now. */
  schedule(key: string, milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#start(key), milliseconds);
  }

  async #start(key: string): Promise<void> {
    if (this.#inFlight?.key === key) {
      this.#inFlight.isAgain = true;
      return;
    }
    const mine = { key, isAgain: false };
    this.#inFlight = mine;
    await this.#send(key, () => this.#inFlight === mine);
    if (this.#inFlight !== mine) return;
    this.#inFlight = undefined;
    if (mine.isAgain) this.schedule(key, this.#pause);
  }
}
