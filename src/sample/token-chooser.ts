/**
 * Turns rows of log-probabilities into the tokens of one stream, by its controls.
 *
 * The order, each step over what the ones before have left (docs/sampling.md): penalties, shift (bias, bans), constraint,
 * temperature, top-k, top-p, min-p, typical-p, mirostat, draw. Where no control but temperature is on, the draw is that of
 * `engine/draw.ts`, to the bit.
 *
 * Sources: repetition penalty, Keskar et al. 2019, section 4.1; top-k, Fan et al. 2018; top-p, Holtzman et al. 2020; typical-p,
 * Meister et al. 2023; min-p, Nguyen et al. 2024; mirostat 2, Basu et al. 2021, algorithm 2.
 */
import type { FloatArray } from '../engine/engine.ts';
import type { MersenneTwister } from '../util/mersenne-twister.ts';
import type { Constraint } from './constraint.ts';
import type { Controls } from './controls.ts';
import { Leading } from './leading.ts';
import { RecentTokens } from './recent-tokens.ts';

/** Stands for −∞ and NaN among the log-probabilities of tokens that may be drawn, so that there is always one. */
const LOWEST = -1e30;

export class TokenChooser {
  /** That with which the last token was drawn, after all controls. */
  probability = 1;
  readonly #controls: Controls;
  readonly #generator: MersenneTwister;
  readonly #constraint: Constraint | undefined;
  readonly #recent: RecentTokens | undefined;
  readonly #leading: Leading;
  /** [V]: log-probabilities after penalties and shift. */
  readonly #logs: Float64Array;
  /** [V]: exp((log − max) / temperature). */
  readonly #weights: Float64Array;
  /** [V]: how typical; or whatever a step needs. */
  readonly #keys: Float64Array;
  /** [V], where tokens are counted and not weighed. */
  readonly #ones: Float64Array;
  /** [V]: 1 where the constraint allows it. */
  readonly #allowed: Uint8Array;
  /** Those that are left, in order of token. */
  readonly #candidates: Int32Array;
  #count = 0;
  /** Largest surprise that mirostat lets pass, in bits. */
  #surpriseLimit: number;

  /** @param generator The stream's own: one number a token, none at a temperature of 0. */
  constructor(controls: Controls, generator: MersenneTwister, constraint?: Constraint) {
    const { vocabularySize: V } = controls;
    this.#controls = controls;
    this.#generator = generator;
    this.#constraint = constraint;
    this.#recent = controls.penalizes ? new RecentTokens(V, controls.penaltyWindow) : undefined;
    this.#leading = new Leading(V);
    this.#ones = new Float64Array(controls.topK > 0 ? V : 0).fill(1);
    this.#logs = new Float64Array(V);
    this.#weights = new Float64Array(V);
    this.#keys = new Float64Array(V);
    this.#allowed = new Uint8Array(constraint ? V : 0);
    this.#candidates = new Int32Array(V);
    this.#surpriseLimit = 2 * controls.mirostat;
  }

  /**
   * The stream's next token, which its history takes note of.
   *
   * @param logProbabilities Natural log; the stream's row begins at `offset` and has V elements. Not changed.
   */
  choose(logProbabilities: FloatArray, offset = 0): number {
    const { temperature, temperatureRange, topK, topP, minP, typicalP, mirostat } = this.#controls;
    this.#adjust(logProbabilities, offset);
    this.#constrain();
    if (this.#count === 0) throw new RangeError('no token is left to draw');
    let token = this.#likeliest();
    if (this.#count === 1 || temperature === 0) {
      this.probability = 1;
      // A step whose outcome is certain costs a random number like every other.
      if (temperature > 0) this.#generator.nextUniform();
    } else {
      const maximum = this.#logs[token]!;
      const heat = temperatureRange > 0 ? this.#dynamicTemperature(maximum) : temperature;
      if (topK > 0 && topK < this.#count) this.#keepLargest(topK);
      let sum = this.#exponentiate(maximum, heat);
      if (topP < 1) sum = this.#keepShare(this.#weights, topP * sum);
      if (minP > 0) sum = this.#keepAtLeast(minP);
      if (typicalP < 1) sum = this.#keepTypical(sum, typicalP);
      token = mirostat > 0 ? this.#drawSurprising(sum) : this.#draw(sum);
    }
    this.#recent?.push(token);
    this.#constraint?.advance(token);
    return token;
  }

  /** Penalties and shift; the candidates are those that are not barred for good. */
  #adjust(row: FloatArray, offset: number): void {
    const { vocabularySize: V, shift, repetitionPenalty, presencePenalty, frequencyPenalty } = this.#controls;
    const counts = this.#recent?.counts;
    const logs = this.#logs;
    const candidates = this.#candidates;
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
      candidates[count++] = v;
    }
    this.#count = count;
  }

  #constrain(): void {
    if (!this.#constraint) return;
    const allowed = this.#allowed;
    this.#constraint.allow(allowed);
    const candidates = this.#candidates;
    let count = 0;
    for (let i = 0; i < this.#count; i++) {
      const v = candidates[i]!;
      if (allowed[v] === 1) candidates[count++] = v;
    }
    this.#count = count;
  }

  /** Of equals the first. */
  #likeliest(): number {
    const logs = this.#logs;
    const candidates = this.#candidates;
    let best = candidates[0]!;
    for (let i = 1; i < this.#count; i++) {
      const v = candidates[i]!;
      if (logs[v]! > logs[best]!) best = v;
    }
    return best;
  }

  /** From temperature − range to temperature + range as the entropy goes from 0 to that of the uniform distribution. */
  #dynamicTemperature(maximum: number): number {
    const { temperature, temperatureRange } = this.#controls;
    const sum = this.#exponentiate(maximum, 1);
    const share = this.#entropy(sum) / Math.log(this.#count);
    return Math.max(temperature + temperatureRange * (2 * share - 1), Number.MIN_VALUE);
  }

  /** Sets the candidates' weights; their sum. */
  #exponentiate(maximum: number, temperature: number): number {
    const logs = this.#logs;
    const weights = this.#weights;
    const candidates = this.#candidates;
    let sum = 0;
    for (let i = 0; i < this.#count; i++) {
      const v = candidates[i]!;
      const weight = Math.exp((logs[v]! - maximum) / temperature);
      weights[v] = weight;
      sum += weight;
    }
    return sum;
  }

  /** −Σ p·ln p of the weights, in nats. */
  #entropy(sum: number): number {
    const weights = this.#weights;
    let total = 0;
    for (let i = 0; i < this.#count; i++) {
      const weight = weights[this.#candidates[i]!]!;
      if (weight > 0) total += weight * Math.log(weight);
    }
    return Math.log(sum) - total / sum;
  }

  /** Keeps the `count` candidates with the largest log-probabilities. */
  #keepLargest(count: number): void {
    const logs = this.#logs;
    this.#keepUpTo(logs, this.#leading.reach(this.#candidates, this.#count, logs, this.#ones, count));
  }

  /** Keeps the candidates with the largest keys up to that with which their weights reach `mass`; the sum of those. */
  #keepShare(keys: Float64Array, mass: number): number {
    const last = this.#leading.reach(this.#candidates, this.#count, keys, this.#weights, mass);
    return this.#keepUpTo(keys, last);
  }

  /** Keeps those that are not after `last` in the order of falling keys; the sum of their weights. */
  #keepUpTo(keys: Float64Array, last: number): number {
    const candidates = this.#candidates;
    const weights = this.#weights;
    const lowest = keys[last]!;
    let count = 0;
    let sum = 0;
    for (let i = 0; i < this.#count; i++) {
      const v = candidates[i]!;
      if (keys[v]! < lowest || (keys[v] === lowest && v > last)) continue;
      candidates[count++] = v;
      sum += weights[v]!;
    }
    this.#count = count;
    return sum;
  }

  /** Keeps what has a weight of at least `least`, where the likeliest has 1; the sum. */
  #keepAtLeast(least: number): number {
    const candidates = this.#candidates;
    const weights = this.#weights;
    let count = 0;
    let sum = 0;
    for (let i = 0; i < this.#count; i++) {
      const v = candidates[i]!;
      if (weights[v]! < least) continue;
      candidates[count++] = v;
      sum += weights[v]!;
    }
    this.#count = count;
    return sum;
  }

  /** Keeps those whose surprise is closest to the entropy, up to a share of the probability. */
  #keepTypical(sum: number, share: number): number {
    const candidates = this.#candidates;
    const weights = this.#weights;
    const keys = this.#keys;
    const entropy = this.#entropy(sum);
    const logSum = Math.log(sum);
    for (let i = 0; i < this.#count; i++) {
      const v = candidates[i]!;
      keys[v] = -Math.abs(logSum - Math.log(weights[v]!) - entropy);
    }
    return this.#keepShare(keys, share * sum);
  }

  /** Draws among what is not more surprising than the limit, and moves the limit towards the target. */
  #drawSurprising(sum: number): number {
    const { mirostat, mirostatRate } = this.#controls;
    const weights = this.#weights;
    // The likeliest one has the weight 1, and always stays; a step before may have left others alone.
    let largest = 0;
    for (let i = 0; i < this.#count; i++) largest = Math.max(largest, weights[this.#candidates[i]!]!);
    const least = Math.min(sum * 2 ** -this.#surpriseLimit, largest);
    const token = this.#draw(this.#keepAtLeast(least));
    const surprise = Math.log2(sum / weights[token]!);
    this.#surpriseLimit -= mirostatRate * (surprise - mirostat);
    return token;
  }

  /** The rule of `engine/draw.ts` over the candidates. */
  #draw(sum: number): number {
    const uniform = this.#generator.nextUniform() || Number.MIN_VALUE;
    const candidates = this.#candidates;
    const weights = this.#weights;
    const cumulative = this.#keys;
    let total = 0;
    for (let i = 0; i < this.#count; i++) {
      total += Math.fround(weights[candidates[i]!]! / sum);
      cumulative[i] = total;
    }
    let at = 0;
    while (at < this.#count - 1 && cumulative[at]! / total < uniform) at++;
    const token = candidates[at]!;
    this.probability = weights[token]! / sum;
    return token;
  }
}
