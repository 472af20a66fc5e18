/**
 * A count model: an n-gram model with interpolated modified Kneser–Ney smoothing (Chen and Goodman 1999). With a context h of 4 symbols, and h′
 * without its oldest symbol,
 *
 *     p(w | h) = (c(h w) − D(c(h w)) + ΣD(h) · p(w | h′)) / Σ_v c(h v),    ΣD(h) = Σ_v D(c(h v))
 *
 * c is the count in the text for the longest contexts, and the number of different symbols before `h w` for shorter ones. The empty context
 * falls back on the uniform distribution. A context that the text does not have falls back on h′ entirely.
 *
 * The contexts form a tree: the children of a context have one more symbol at its old end. A sequence begins with a symbol that occurs nowhere
 * else, so the contexts at its start are shorter; nothing precedes them, so their counts are those in the text.
 */
import { type Discounts, discountsFrom } from './discounts.ts';
import { PairMap } from './pair-map.ts';

/** The empty context. */
const ROOT = 0;

export class CountModel {
  readonly vocabularySize: number;
  /** Maximum number of symbols in a context. */
  readonly contextLength: number;
  /** Number of n-grams of all orders. */
  ngrams = 0;
  /** (context, older symbol) → the longer context. */
  readonly #contexts: PairMap;
  #contextCount = 1;
  /** For each length of a context: (context, symbol) → count. */
  readonly #counts: readonly PairMap[];
  /** The contexts of the current symbol, from the empty one to the longest. */
  readonly #path: Int32Array;
  #discounts: readonly Discounts[] = [];
  /** For each context, Σ c and ΣD. */
  #totals = new Float64Array();
  #discounted = new Float64Array();

  /** @param order Length of the longest n-grams. */
  constructor(vocabularySize: number, order: number) {
    this.vocabularySize = vocabularySize;
    this.contextLength = order - 1;
    this.#contexts = new PairMap(vocabularySize + 1);
    this.#counts = Array.from({ length: order }, () => new PairMap(vocabularySize + 1));
    this.#path = new Int32Array(order);
  }

  /** The symbol before the first of a sequence. */
  get boundary(): number {
    return this.vocabularySize;
  }

  /**
   * Counts a symbol of the text.
   *
   * @param context The symbols before it, the newest first, up to the boundary; the rest is −1.
   */
  count(context: Int32Array, symbol: number): void {
    const path = this.#path;
    let length = 0;
    for (; length < this.contextLength && (context[length] as number) >= 0; length++) {
      const parent = path[length] as number;
      const older = context[length] as number;
      let child = this.#contexts.get(parent, older);
      if (child === 0) child = this.#contexts.add(parent, older, this.#contextCount++);
      path[length + 1] = child;
    }
    // A new n-gram is one more symbol before the n-gram without its oldest symbol.
    for (; length >= 0; length--) {
      if ((this.#counts[length] as PairMap).add(path[length] as number, symbol, 1) > 1) return;
      this.ngrams++;
    }
  }

  /** Computes the discounts and the sums of each context, after the last `count`. Yields after every few thousand n-grams. */
  *finish(): Generator<void, void, void> {
    this.#totals = new Float64Array(this.#contextCount);
    this.#discounted = new Float64Array(this.#contextCount);
    const discounts: Discounts[] = [];
    for (const counts of this.#counts) {
      const numbers: [number, number, number, number] = [0, 0, 0, 0];
      yield* counts.forEach((_, count) => {
        if (count <= 4) numbers[count - 1] = (numbers[count - 1] as number) + 1;
      });
      const these = discountsFrom(numbers);
      discounts.push(these);
      yield* counts.forEach((context, count) => {
        this.#totals[context] = (this.#totals[context] as number) + count;
        this.#discounted[context] = (this.#discounted[context] as number) + discountOf(these, count);
      });
    }
    this.#discounts = discounts;
  }

  /**
   * The probability of a symbol, after `finish`.
   *
   * @param context As in `count`.
   */
  probability(context: Int32Array, symbol: number): number {
    let probability = 1 / this.vocabularySize;
    let node = ROOT;
    for (let length = 0; ; length++) {
      const total = this.#totals[node] as number;
      // Only if the model was fitted to no text.
      if (total === 0) return probability;
      const count = (this.#counts[length] as PairMap).get(node, symbol);
      const kept = count === 0 ? 0 : count - discountOf(this.#discounts[length] as Discounts, count);
      probability = (kept + (this.#discounted[node] as number) * probability) / total;
      if (length === this.contextLength || (context[length] as number) < 0) return probability;
      node = this.#contexts.get(node, context[length] as number);
      if (node === ROOT) return probability;
    }
  }
}

function discountOf(discounts: Discounts, count: number): number {
  return discounts[Math.min(count, 3) - 1] as number;
}
