/** Finds where a cumulative sum over tokens, in descending order of keys, reaches a target, without sorting them: quickselect (Hoare 1961). */

export class CumulativeSelect {
  /** A copy of the tokens, partitioned in place. */
  readonly #tokens: Int32Array;

  /** @param capacity Maximum number of tokens. */
  constructor(capacity: number) {
    this.#tokens = new Int32Array(capacity);
  }

  /**
   * The token at which the cumulative sum of the weights reaches `target`, in descending order of keys. Of equal keys, the smaller token comes
   * first. If the sum never reaches the target, the last token.
   *
   * @param count Number of `tokens`, at least one.
   * @param keys By token; not NaN.
   * @param weights By token; not negative.
   */
  threshold(
    tokens: Int32Array,
    count: number,
    keys: Float64Array,
    weights: Float64Array,
    target: number,
  ): number {
    const own = this.#tokens;
    for (let i = 0; i < count; i++) own[i] = tokens[i]!;
    let low = 0;
    let high = count - 1;
    let rest = target;
    while (low < high) {
      // The pivot goes to the end while the tokens with larger keys are moved to the beginning.
      const middle = (low + high) >> 1;
      const pivot = own[middle]!;
      const key = keys[pivot]!;
      own[middle] = own[high]!;
      let end = low;
      let sum = 0;
      for (let i = low; i < high; i++) {
        // Without a branch, because it would be unpredictable. The order of the tokens after the pivot does not matter.
        const token = own[i]!;
        const other = keys[token]!;
        const isBefore = +(other > key) | (+(other === key) & +(token < pivot));
        own[i] = own[end]!;
        own[end] = token;
        end += isBefore;
        sum += weights[token]! * isBefore;
      }
      own[high] = own[end]!;
      own[end] = pivot;
      if (sum >= rest && end > low) {
        high = end - 1;
      } else {
        sum += weights[pivot]!;
        if (sum >= rest || end === high) return pivot;
        rest -= sum;
        low = end + 1;
      }
    }
    return own[low]!;
  }
}
