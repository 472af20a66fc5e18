/**
 * The tokens of one prediction that may be drawn, and the filters that reduce them.
 *
 * This file defines each filter. native/kernels/draw.h implements those of `DrawControls` with the same order of operations. Sources:
 * repetition penalty, Keskar et al. 2019, section 4.1; top-k, Fan et al. 2018; top-p, Holtzman et al. 2020; min-p, Nguyen et al. 2024;
 * typical-p, Meister et al. 2023.
 */

import { CumulativeSelect } from './cumulative-select.ts';
import type { DrawControls, FloatArray } from './engine.ts';

/** Replaces −∞ and NaN in log-probabilities, so that there is always a token to draw. */
const MIN_LOG_PROBABILITY = -1e30;
/** Instead of a token that has not been computed. */
const NOT_COMPUTED = -1;

type Penalties = Pick<DrawControls, 'repetitionPenalty' | 'presencePenalty' | 'frequencyPenalty'>;

/**
 * Call `start`, `penalize`, `addBias` and `keepAllowed` first: they change the log-probabilities. The other filters use weights, which are
 * computed from the log-probabilities and the temperature when they are needed. The memory is reused for every prediction.
 */
export class Candidates {
  /** The number of candidates left. */
  count = 0;
  readonly #vocabularySize: number;
  /** The candidates left, in ascending order. */
  readonly #tokens: Int32Array;
  /** [V]: log-probabilities after penalties and bias. */
  readonly #logs: Float64Array;
  /** [V]: exp((log − max) / temperature). */
  readonly #weights: Float64Array;
  /** [V]: keys of the typical-p filter, or the cumulative sum of a draw. */
  readonly #keys: Float64Array;
  /** [V]: weights of 1, to count tokens. */
  readonly #ones: Float64Array;
  readonly #select: CumulativeSelect;
  #temperature = 1;
  /** The candidate with the highest log-probability, or `NOT_COMPUTED`. */
  #likeliest = NOT_COMPUTED;
  /** Whether the weights have been computed for this temperature. */
  #isWeighed = false;
  /** The sum of the candidates' weights. */
  #sum = 0;

  constructor(vocabularySize: number) {
    this.#vocabularySize = vocabularySize;
    this.#tokens = new Int32Array(vocabularySize);
    this.#logs = new Float64Array(vocabularySize);
    this.#weights = new Float64Array(vocabularySize);
    this.#keys = new Float64Array(vocabularySize);
    this.#ones = new Float64Array(vocabularySize).fill(1);
    this.#select = new CumulativeSelect(vocabularySize);
  }

  /**
   * Starts with all tokens and a temperature of 1.
   *
   * @param row Contains the prediction, V natural log-probabilities, at `offset`.
   */
  start(row: FloatArray, offset: number): void {
    const V = this.#vocabularySize;
    const logs = this.#logs;
    const tokens = this.#tokens;
    let likeliest = 0;
    let maximum = Number.NEGATIVE_INFINITY;
    for (let v = 0; v < V; v++) {
      let log = row[offset + v]!;
      if (!(log > MIN_LOG_PROBABILITY)) log = MIN_LOG_PROBABILITY;
      if (log > maximum) {
        likeliest = v;
        maximum = log;
      }
      logs[v] = log;
      tokens[v] = v;
    }
    this.count = V;
    this.#likeliest = likeliest;
    this.temperature = 1;
  }

  /** Applies the penalties. @param counts [V]: how often each token occurs in the penalty window. */
  penalize(counts: Int32Array, { repetitionPenalty, presencePenalty, frequencyPenalty }: Penalties): void {
    const logs = this.#logs;
    for (let v = 0; v < counts.length; v++) {
      const times = counts[v]!;
      if (times > 0) logs[v] = logs[v]! * repetitionPenalty - presencePenalty - frequencyPenalty * times;
    }
    this.#likeliest = NOT_COMPUTED;
  }

  /** Adds a bias to the log-probabilities. @param bias [V]; −∞ removes a token. */
  addBias(bias: Float64Array): void {
    const logs = this.#logs;
    const tokens = this.#tokens;
    let count = 0;
    let likeliest = NOT_COMPUTED;
    let maximum = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < this.count; i++) {
      const v = tokens[i]!;
      const log = logs[v]! + bias[v]!;
      if (log === Number.NEGATIVE_INFINITY) continue;
      if (log > maximum) {
        likeliest = v;
        maximum = log;
      }
      logs[v] = log;
      tokens[count++] = v;
    }
    this.count = count;
    this.#likeliest = likeliest;
  }

  /** Keeps only the allowed tokens. @param allowed [V]: 1 for a token to keep. */
  keepAllowed(allowed: Uint8Array): void {
    const tokens = this.#tokens;
    let count = 0;
    for (let i = 0; i < this.count; i++) {
      const v = tokens[i]!;
      if (allowed[v] === 1) tokens[count++] = v;
    }
    this.count = count;
    this.#likeliest = NOT_COMPUTED;
  }

  /** The candidate with the highest log-probability; the first of several. There must be at least one candidate. */
  likeliest(): number {
    if (this.#likeliest !== NOT_COMPUTED) return this.#likeliest;
    if (this.count === 0) throw new RangeError('no token is left to draw');
    const logs = this.#logs;
    let best = this.#tokens[0]!;
    for (let i = 1; i < this.count; i++) {
      const v = this.#tokens[i]!;
      if (logs[v]! > logs[best]!) best = v;
    }
    this.#likeliest = best;
    return best;
  }

  /** Sets the temperature of the weights, exp((log p − max) / temperature). It must be above 0. */
  set temperature(value: number) {
    this.#temperature = value;
    this.#isWeighed = false;
  }

  /** The sum of the candidates' weights. */
  get sum(): number {
    this.#weigh();
    return this.#sum;
  }

  /** Top-k: keeps the `count` most likely candidates. */
  keepLargest(count: number): void {
    if (count >= this.count) return;
    const last = this.#select.threshold(this.#tokens, this.count, this.#logs, this.#ones, count);
    this.#keepUpTo(this.#logs, last);
  }

  /** Top-p: keeps the smallest set of candidates whose weights reach a fraction of the sum. */
  keepMass(share: number): void {
    this.#keepShare(this.#weights, share * this.sum);
  }

  /** Min-p: keeps the candidates with at least this weight. The most likely candidate has a weight of 1. */
  keepAtLeast(least: number): void {
    this.#weigh();
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
    this.#sum = sum;
  }

  /** Typical-p: keeps the candidates whose surprise is closest to the entropy, until their weights reach a fraction of the sum. */
  keepTypical(share: number): void {
    const { sum } = this;
    const weights = this.#weights;
    const keys = this.#keys;
    const entropy = this.entropy();
    const logSum = Math.log(sum);
    for (let i = 0; i < this.count; i++) {
      const v = this.#tokens[i]!;
      keys[v] = -Math.abs(logSum - Math.log(weights[v]!) - entropy);
    }
    this.#keepShare(keys, share * sum);
  }

  /** −Σ p·ln p of the weights, in nats. */
  entropy(): number {
    const { sum } = this;
    const weights = this.#weights;
    let total = 0;
    for (let i = 0; i < this.count; i++) {
      const weight = weights[this.#tokens[i]!]!;
      if (weight > 0) total += weight * Math.log(weight);
    }
    return Math.log(sum) - total / sum;
  }

  /** The weight of a candidate. The weights must have been computed, as `sum` and the filters of weights do. */
  weight(token: number): number {
    return this.#weights[token]!;
  }

  /** The largest weight of a candidate. The weights must have been computed, as for `weight`. */
  largestWeight(): number {
    let largest = 0;
    for (let i = 0; i < this.count; i++) largest = Math.max(largest, this.#weights[this.#tokens[i]!]!);
    return largest;
  }

  /**
   * Draws a token as the original does, so that a seed gives the same text.
   *
   * The probabilities (weight / sum) are rounded to float32. Their cumulative sum, in double precision, is divided by its total, and the last
   * entry is taken as 1. The drawn token is the first whose cumulative sum reaches the uniform number. Source: Torch7's multinomial without
   * alias, as called by `sample.lua`. Unlike the original, this subtracts the maximum before it computes the weights, so that no temperature
   * causes an overflow.
   *
   * @param uniform In [0, 1).
   */
  draw(uniform: number): number {
    const { sum } = this;
    const tokens = this.#tokens;
    const weights = this.#weights;
    const cumulative = this.#keys;
    const last = this.count - 1;
    let total = 0;
    for (let i = 0; i <= last; i++) {
      total += Math.fround(weights[tokens[i]!]! / sum);
      cumulative[i] = total;
    }
    // A uniform number of exactly 0 must not select a token with probability 0.
    const place = uniform || Number.MIN_VALUE;
    let at = 0;
    while (at < last && cumulative[at]! / total < place) at++;
    return tokens[at]!;
  }

  /** Computes the weights of the candidates, unless they are up to date. */
  #weigh(): void {
    if (this.#isWeighed) return;
    const logs = this.#logs;
    const weights = this.#weights;
    const temperature = this.#temperature;
    const maximum = logs[this.likeliest()]!;
    let sum = 0;
    for (let i = 0; i < this.count; i++) {
      const v = this.#tokens[i]!;
      const weight = Math.exp((logs[v]! - maximum) / temperature);
      weights[v] = weight;
      sum += weight;
    }
    this.#sum = sum;
    this.#isWeighed = true;
  }

  #keepShare(keys: Float64Array, mass: number): void {
    this.#keepUpTo(keys, this.#select.threshold(this.#tokens, this.count, keys, this.#weights, mass));
  }

  /** Keeps the candidates that, in descending order of keys, come before `last`, and `last` itself. */
  #keepUpTo(keys: Float64Array, last: number): void {
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
    this.#sum = sum;
  }
}

/**
 * Draws a token with the controls that engines support: those filters of `sample/choice/filters.ts`, in the same order.
 *
 * @param counts [V]: how often each token occurs in the penalty window; undefined without penalties.
 * @param uniform In [0, 1); unused at a temperature of 0.
 */
export function drawControlled(
  candidates: Candidates,
  row: FloatArray,
  controls: DrawControls,
  counts: Int32Array | undefined,
  uniform: number,
): number {
  const { logitBias, temperature, topK, topP, minP } = controls;
  candidates.start(row, 0);
  if (counts) candidates.penalize(counts, controls);
  if (logitBias) candidates.addBias(logitBias);
  const likeliest = candidates.likeliest();
  if (temperature === 0 || candidates.count === 1) return likeliest;
  candidates.temperature = temperature;
  if (topK > 0) candidates.keepLargest(topK);
  if (topP < 1) candidates.keepMass(topP);
  if (minP > 0) candidates.keepAtLeast(minP);
  return candidates.draw(uniform);
}
