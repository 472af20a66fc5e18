/** A binary max-heap: takes tokens in descending order of keys, without sorting those that are never taken. */

/** Of tokens with equal keys, the smaller one comes first. The memory is reused. */
export class TopTokens {
  readonly #heap: Int32Array;
  #keys: Float64Array = new Float64Array(0);
  #size = 0;

  /** @param capacity Maximum tokens. */
  constructor(capacity: number) {
    this.#heap = new Int32Array(capacity);
  }

  /**
   * Replaces the content by the first `count` of `tokens`.
   *
   * @param keys The key of each token, never NaN. The array must not change while tokens are taken.
   */
  fill(tokens: Int32Array, count: number, keys: Float64Array): void {
    this.#keys = keys;
    this.#size = count;
    const heap = this.#heap;
    for (let i = 0; i < count; i++) heap[i] = tokens[i]!;
    for (let i = (count >> 1) - 1; i >= 0; i--) this.#sink(i, heap[i]!);
  }

  /** Removes and returns the token with the largest key. The heap must not be empty. */
  take(): number {
    const heap = this.#heap;
    const top = heap[0]!;
    this.#size--;
    if (this.#size > 0) this.#sink(0, heap[this.#size]!);
    return top;
  }

  /** Inserts a token at a position of the heap, or below it. */
  #sink(position: number, token: number): void {
    const heap = this.#heap;
    const keys = this.#keys;
    const size = this.#size;
    const key = keys[token]!;
    let at = position;
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
