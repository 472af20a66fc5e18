/** Where tokens, the largest key first, reach a share of something: found without sorting them (Hoare 1961, quickselect). */

export class Leading {
  /** Tokens; those of the part that is looked at stand between two places. */
  readonly #tokens: Int32Array;

  /** @param room Most tokens that it is given. */
  constructor(room: number) {
    this.#tokens = new Int32Array(room);
  }

  /**
   * The token with which the sum of the weights reaches `target`, in the order of falling keys; of equal keys the smaller token
   * comes first. The last token where the sum never gets there.
   *
   * @param count How many of `tokens` there are; at least one.
   * @param keys Of each token, not NaN.
   * @param weights Of each token, not negative.
   */
  reach(
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
      // The pivot goes to the end while those before it are gathered at the beginning.
      const middle = (low + high) >> 1;
      const pivot = own[middle]!;
      const key = keys[pivot]!;
      own[middle] = own[high]!;
      let end = low;
      let sum = 0;
      for (let i = low; i < high; i++) {
        // Without a branch, which nobody could predict: what is not before the pivot may stand anywhere behind.
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
