/**
 * The tokens of one prediction that may still be drawn, and the steps that leave fewer and fewer of them.
 *
 * This is what each step means; native/kernels/draw.h does those that an engine draws by, in the same order of operations. Sources: repetition
 * penalty, Keskar et al. 2019, section 4.1; top-k, Fan et al. 2018; top-p, Holtzman et al. 2020; min-p, Nguyen et al. 2024; typical-p, Meister et al. 2023.
 */
import type { DrawControls, FloatArray } from './engine.ts';
import { Leading } from './leading.ts';

/** Stands for −∞ and NaN among the log-probabilities of tokens that may be drawn, so that there is always one. */
const LOWEST = -1e30;

/** Its memory is used again and again. */
export class Candidates {
  /** How many are left. */
  count = 0;
  readonly #vocabularySize: number;
  /** Those that are left, in rising order. */
  readonly #tokens: Int32Array;
  /** [V]: log-probabilities after penalties and shift. */
  readonly #logs: Float64Array;
  /** [V]: exp((log − max) / temperature). */
  readonly #weights: Float64Array;
  /** [V]: how typical; or the cumulative sum of a draw. */
  readonly #keys: Float64Array;
  /** [V]: to count tokens instead of weighing them. */
  readonly #ones: Float64Array;
  readonly #leading: Leading;

  constructor(vocabularySize: number) {
    this.#vocabularySize = vocabularySize;
    this.#tokens = new Int32Array(vocabularySize);
    this.#logs = new Float64Array(vocabularySize);
    this.#weights = new Float64Array(vocabularySize);
    this.#keys = new Float64Array(vocabularySize);
    this.#ones = new Float64Array(vocabularySize).fill(1);
    this.#leading = new Leading(vocabularySize);
  }

  /**
   * Starts with all tokens that are not barred for good; penalties, then shift.
   *
   * @param row Natural log-probabilities; those of the prediction begin at `offset`.
   * @param counts [V]: how often each token was written lately; absent without penalties.
   */
  start(
    row: FloatArray,
    offset: number,
    { shift, repetitionPenalty, presencePenalty, frequencyPenalty }: DrawControls,
    counts: Int32Array | undefined,
  ): void {
    const V = this.#vocabularySize;
    const logs = this.#logs;
    const tokens = this.#tokens;
    let count = 0;
    for (let v = 0; v < V; v++) {
      let log = row[offset + v]!;
      if (!(log > LOWEST)) log = LOWEST;
      if (counts !== undefined && counts[v]! > 0) {
        log = log * repetitionPenalty - presencePenalty - frequencyPenalty * counts[v]!;
      }
      if (shift !== undefined) {
        log += shift[v]!;
        if (log === Number.NEGATIVE_INFINITY) continue;
      }
      logs[v] = log;
      tokens[count++] = v;
    }
    this.count = count;
  }

  /** @param allowed [V]: 1 for those that stay. */
  keepAllowed(allowed: Uint8Array): void {
    const tokens = this.#tokens;
    let count = 0;
    for (let i = 0; i < this.count; i++) {
      const v = tokens[i]!;
      if (allowed[v] === 1) tokens[count++] = v;
    }
    this.count = count;
  }

  /** Of equals the first. There must be one. */
  likeliest(): number {
    if (this.count === 0) throw new RangeError('no token is left to draw');
    const logs = this.#logs;
    let best = this.#tokens[0]!;
    for (let i = 1; i < this.count; i++) {
      const v = this.#tokens[i]!;
      if (logs[v]! > logs[best]!) best = v;
    }
    return best;
  }

  /** Keeps the `count` likeliest. */
  keepLargest(count: number): void {
    if (count >= this.count) return;
    this.#keepUpTo(this.#logs, this.#leading.reach(this.#tokens, this.count, this.#logs, this.#ones, count));
  }

  /** Sets the weights by a temperature above 0, that of the likeliest to 1; their sum. */
  exponentiate(likeliest: number, temperature: number): number {
    const logs = this.#logs;
    const weights = this.#weights;
    const maximum = logs[likeliest]!;
    let sum = 0;
    for (let i = 0; i < this.count; i++) {
      const v = this.#tokens[i]!;
      const weight = Math.exp((logs[v]! - maximum) / temperature);
      weights[v] = weight;
      sum += weight;
    }
    return sum;
  }

  /** Keeps those with the largest weights up to that with which they reach `mass`; the sum of what is left. */
  keepMass(mass: number): number {
    return this.#keepShare(this.#weights, mass);
  }

  /** Keeps what has a weight of at least `least`; the sum. */
  keepAtLeast(least: number): number {
    const tokens = this.#tokens;
    const weights = this.#weights;
    let count = 0;
    let sum = 0;
    for (let i = 0; i < this.count; i++) {
      const v = tokens[i]!;
      if (weights[v]! < least) continue;
      tokens[count++] = v;
      sum += weights[v]!;
    }
    this.count = count;
    return sum;
  }

  /** Keeps those whose surprise is closest to the entropy, until they have a share of the sum; the sum of what is left. */
  keepTypical(sum: number, share: number): number {
    const weights = this.#weights;
    const keys = this.#keys;
    const entropy = this.entropy(sum);
    const logSum = Math.log(sum);
    for (let i = 0; i < this.count; i++) {
      const v = this.#tokens[i]!;
      keys[v] = -Math.abs(logSum - Math.log(weights[v]!) - entropy);
    }
    return this.#keepShare(keys, share * sum);
  }

  /** −Σ p·ln p of the weights, in nats. */
  entropy(sum: number): number {
    const weights = this.#weights;
    let total = 0;
    for (let i = 0; i < this.count; i++) {
      const weight = weights[this.#tokens[i]!]!;
      if (weight > 0) total += weight * Math.log(weight);
    }
    return Math.log(sum) - total / sum;
  }

  weight(token: number): number {
    return this.#weights[token]!;
  }

  /** The largest of the weights that are left. */
  largestWeight(): number {
    let largest = 0;
    for (let i = 0; i < this.count; i++) largest = Math.max(largest, this.#weights[this.#tokens[i]!]!);
    return largest;
  }

  /**
   * Draws as the original does, so that a seed gives the text that it gave there.
   *
   * The weights' shares of the sum are cast to float32. Their cumulative sum in double, divided by its total with the last entry
   * counting as 1, is searched for the first entry not below the uniform number. Source: Torch7's multinomial without alias, as
   * `sample.lua` calls it. Unlike there, the maximum was subtracted before exponentiation, so that no temperature overflows.
   *
   * @param sum Of the weights.
   * @param uniform In [0, 1).
   */
  draw(sum: number, uniform: number): number {
    const tokens = this.#tokens;
    const weights = this.#weights;
    const cumulative = this.#keys;
    const last = this.count - 1;
    let total = 0;
    for (let i = 0; i <= last; i++) {
      total += Math.fround(weights[tokens[i]!]! / sum);
      cumulative[i] = total;
    }
    // A uniform number of exactly 0 must not find an entry without any share.
    const place = uniform || Number.MIN_VALUE;
    let at = 0;
    while (at < last && cumulative[at]! / total < place) at++;
    return tokens[at]!;
  }

  #keepShare(keys: Float64Array, mass: number): number {
    return this.#keepUpTo(keys, this.#leading.reach(this.#tokens, this.count, keys, this.#weights, mass));
  }

  /** Keeps those that are not after `last` in the order of falling keys; the sum of their weights. */
  #keepUpTo(keys: Float64Array, last: number): number {
    const tokens = this.#tokens;
    const weights = this.#weights;
    const lowest = keys[last]!;
    let count = 0;
    let sum = 0;
    for (let i = 0; i < this.count; i++) {
      const v = tokens[i]!;
      if (keys[v]! < lowest || (keys[v] === lowest && v > last)) continue;
      tokens[count++] = v;
      sum += weights[v]!;
    }
    this.count = count;
    return sum;
  }
}

/**
 * A token by those controls that an engine draws by.
 *
 * @param uniform In [0, 1); not used at a temperature of 0.
 */
export function drawControlled(
  candidates: Candidates,
  row: FloatArray,
  controls: DrawControls,
  counts: Int32Array | undefined,
  uniform: number,
): number {
  const { temperature, topK, topP, minP } = controls;
  candidates.start(row, 0, controls, counts);
  const likeliest = candidates.likeliest();
  if (temperature === 0 || candidates.count === 1) return likeliest;
  if (topK > 0) candidates.keepLargest(topK);
  let sum = candidates.exponentiate(likeliest, temperature);
  if (topP < 1) sum = candidates.keepMass(topP * sum);
  if (minP > 0) sum = candidates.keepAtLeast(minP);
  return candidates.draw(sum, uniform);
}
