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
const NONE = -1;

type Penalties = Pick<DrawControls, 'repetitionPenalty' | 'presencePenalty' | 'frequencyPenalty'>;

/**
 * First the log-probabilities are changed (`start` to `keepAllowed`); then weights are made of them, by a temperature, when a step needs
 * them. Its memory is used again and again.
 */
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
  #temperature = 1;
  /** Of what is left by log-probability; `NONE` where it has to be looked for. */
  #likeliest = NONE;
  /** Whether there are weights of this temperature. */
  #isWeighed = false;
  /** Of the weights of what is left. */
  #sum = 0;

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
   * Starts with all tokens, at a temperature of 1.
   *
   * @param row Natural log-probabilities; those of the prediction begin at `offset`.
   */
  start(row: FloatArray, offset: number): void {
    const V = this.#vocabularySize;
    const logs = this.#logs;
    const tokens = this.#tokens;
    let likeliest = 0;
    let maximum = Number.NEGATIVE_INFINITY;
    for (let v = 0; v < V; v++) {
      let log = row[offset + v]!;
      if (!(log > LOWEST)) log = LOWEST;
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

  /** @param counts [V]: how often each token was written lately. */
  penalize(counts: Int32Array, { repetitionPenalty, presencePenalty, frequencyPenalty }: Penalties): void {
    const logs = this.#logs;
    for (let v = 0; v < counts.length; v++) {
      const times = counts[v]!;
      if (times > 0) logs[v] = logs[v]! * repetitionPenalty - presencePenalty - frequencyPenalty * times;
    }
    this.#likeliest = NONE;
  }

  /** @param shift [V], added to the log-probabilities; −∞ takes a token out. */
  shift(shift: Float64Array): void {
    const logs = this.#logs;
    const tokens = this.#tokens;
    let count = 0;
    let likeliest = NONE;
    let maximum = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < this.count; i++) {
      const v = tokens[i]!;
      const log = logs[v]! + shift[v]!;
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

  /** @param allowed [V]: 1 for those that stay. */
  keepAllowed(allowed: Uint8Array): void {
    const tokens = this.#tokens;
    let count = 0;
    for (let i = 0; i < this.count; i++) {
      const v = tokens[i]!;
      if (allowed[v] === 1) tokens[count++] = v;
    }
    this.count = count;
    this.#likeliest = NONE;
  }

  /** Of equals the first. There must be one. */
  likeliest(): number {
    if (this.#likeliest !== NONE) return this.#likeliest;
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

  /** Above 0: weights are exp((log − log of the likeliest) / temperature). */
  set temperature(value: number) {
    this.#temperature = value;
    this.#isWeighed = false;
  }

  /** Of the weights of what is left. */
  get sum(): number {
    this.#weigh();
    return this.#sum;
  }

  /** Keeps the `count` likeliest. */
  keepLargest(count: number): void {
    if (count >= this.count) return;
    this.#keepUpTo(this.#logs, this.#leading.reach(this.#tokens, this.count, this.#logs, this.#ones, count));
  }

  /** Keeps those with the largest weights up to that with which they reach a share of the sum. */
  keepMass(share: number): void {
    this.#keepShare(this.#weights, share * this.sum);
  }

  /** Keeps what has a weight of at least `least`; that of the likeliest was 1. */
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

  /** Keeps those whose surprise is closest to the entropy, until they have a share of the sum. */
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
    // A uniform number of exactly 0 must not find an entry without any share.
    const place = uniform || Number.MIN_VALUE;
    let at = 0;
    while (at < last && cumulative[at]! / total < place) at++;
    return tokens[at]!;
  }

  /** Computes the weights of what is left, where there are none. */
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
    this.#keepUpTo(keys, this.#leading.reach(this.#tokens, this.count, keys, this.#weights, mass));
  }

  /** Keeps those that are not after `last` in the order of falling keys. */
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
 * A token by those controls that an engine draws by: the steps of `sample/choice/filters.ts` that engines do, in its order.
 *
 * @param counts [V]: how often each token occurs in the penalty window; absent without penalties.
 * @param uniform In [0, 1); not used at a temperature of 0.
 */
export function drawControlled(
  candidates: Candidates,
  row: FloatArray,
  controls: DrawControls,
  counts: Int32Array | undefined,
  uniform: number,
): number {
  const { shift, temperature, topK, topP, minP } = controls;
  candidates.start(row, 0);
  if (counts) candidates.penalize(counts, controls);
  if (shift) candidates.shift(shift);
  const likeliest = candidates.likeliest();
  if (temperature === 0 || candidates.count === 1) return likeliest;
  candidates.temperature = temperature;
  if (topK > 0) candidates.keepLargest(topK);
  if (topP < 1) candidates.keepMass(topP);
  if (minP > 0) candidates.keepAtLeast(minP);
  return candidates.draw(uniform);
}
