/** The largest of some numbers first, without sorting those that nobody asks for: a binary heap. */

/** Tokens by falling key; of equal keys the smaller token comes first. Its memory is used again and again. */
export class TopTokens {
  readonly #heap: Int32Array;
  #keys: Float64Array = new Float64Array(0);
  #size = 0;

  /** @param room Most tokens that it is given. */
  constructor(room: number) {
    this.#heap = new Int32Array(room);
  }

  /**
   * Starts anew with `count` of `tokens`.
   *
   * @param keys The key of each token, read while tokens are taken; not NaN.
   */
  fill(tokens: Int32Array, count: number, keys: Float64Array): void {
    this.#keys = keys;
    this.#size = count;
    const heap = this.#heap;
    for (let i = 0; i < count; i++) heap[i] = tokens[i]!;
    for (let i = (count >> 1) - 1; i >= 0; i--) this.#sink(i, heap[i]!);
  }

  /** Takes the token with the largest key. There must be one left. */
  take(): number {
    const heap = this.#heap;
    const top = heap[0]!;
    this.#size--;
    if (this.#size > 0) this.#sink(0, heap[this.#size]!);
    return top;
  }

  /** Puts a token at a place, or below it. */
  #sink(place: number, token: number): void {
    const heap = this.#heap;
    const keys = this.#keys;
    const size = this.#size;
    const key = keys[token]!;
    let at = place;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      let best = heap[child]!;
      if (child + 1 < size) {
        const other = heap[child + 1]!;
        if (keys[other]! > keys[best]! || (keys[other] === keys[best] && other < best)) {
          child++;
          best = other;
        }
      }
      if (key > keys[best]! || (key === keys[best] && token < best)) break;
      heap[at] = best;
      at = child;
    }
    heap[at] = token;
  }
}
