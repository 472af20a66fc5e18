/** How often each token stands among the last ones of a stream. */

export class RecentTokens {
  /** [V]. */
  readonly counts: Int32Array;
  /** The window as a ring; empty where it is without end. */
  readonly #ring: Int32Array;
  #length = 0;

  /** @param window Tokens that are counted; 0 counts all. */
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

  /** Which token is no longer counted once `ahead` more and one were pushed, `ahead` being less than the window; −1: none. */
  leaving(ahead: number): number {
    const { length } = this.#ring;
    const at = this.#length + ahead;
    return at >= length ? (this.#ring[at % length] as number) : -1;
  }

  #count(token: number, change: number): void {
    this.counts[token] = (this.counts[token] as number) + change;
  }
}
