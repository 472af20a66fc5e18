/** Counts how often each token occurs in the penalty window: the last tokens of a sequence. */
export class RecentTokens {
  /** [V]: how often each token occurs in the window. */
  readonly counts: Int32Array;
  /** The tokens in the window, as a ring buffer; empty if the window is unlimited. */
  readonly #ring: Int32Array;
  #length = 0;

  /** @param window The size of the window in tokens; 0: unlimited. */
  constructor(vocabularySize: number, window: number) {
    this.counts = new Int32Array(vocabularySize);
    this.#ring = new Int32Array(window);
  }

  push(token: number): void {
    const ring = this.#ring;
    if (ring.length > 0) {
      const place = this.#length % ring.length;
      if (this.#length >= ring.length) this.#count(ring[place] as number, -1);
      ring[place] = token;
    }
    this.#length++;
    this.#count(token, 1);
  }

  /**
   * The token that will leave the window when a token is pushed for the `ahead`-th time from now, where 0 is the next time; −1 if none leaves.
   *
   * @param ahead Less than the window.
   */
  expiring(ahead: number): number {
    const { length } = this.#ring;
    const at = this.#length + ahead;
    return at >= length ? (this.#ring[at % length] as number) : -1;
  }

  #count(token: number, change: number): void {
    this.counts[token] = (this.counts[token] as number) + change;
  }
}
