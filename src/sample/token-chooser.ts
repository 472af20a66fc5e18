/**
 * Turns rows of log-probabilities into the tokens of one stream, by its controls.
 *
 * The order, each step over what the ones before have left (docs/sampling.md): penalties, shift (bias, bans), constraint,
 * temperature, top-k, top-p, min-p, typical-p, mirostat, draw. Where no control but temperature is on, the draw is the
 * original's, to the bit (`Candidates.draw`).
 *
 * What each step does is in `engine/candidates.ts`; mirostat 2 is Basu et al. 2021, algorithm 2.
 */
import { Candidates } from '../engine/candidates.ts';
import type { FloatArray } from '../engine/engine.ts';
import type { MersenneTwister } from '../util/mersenne-twister.ts';
import type { Constraint } from './constraint.ts';
import type { Controls } from './controls.ts';
import { RecentTokens } from './recent-tokens.ts';

export class TokenChooser {
  /** That with which the last token was drawn, after all controls. */
  probability = 1;
  /** What it has written lately; absent without penalties. */
  readonly recent: RecentTokens | undefined;
  readonly #controls: Controls;
  readonly #generator: MersenneTwister;
  readonly #constraint: Constraint | undefined;
  readonly #candidates: Candidates;
  /** [V]: 1 where the constraint allows it. */
  readonly #allowed: Uint8Array;
  /** Largest surprise that mirostat lets pass, in bits. */
  #surpriseLimit: number;

  /** @param generator The stream's own: one number a token, none at a temperature of 0. */
  constructor(controls: Controls, generator: MersenneTwister, constraint?: Constraint) {
    const { vocabularySize: V } = controls;
    this.#controls = controls;
    this.#generator = generator;
    this.#constraint = constraint;
    this.recent = controls.penalizes ? new RecentTokens(V, controls.penaltyWindow) : undefined;
    this.#candidates = new Candidates(V);
    this.#allowed = new Uint8Array(constraint ? V : 0);
    this.#surpriseLimit = 2 * controls.mirostat;
  }

  /**
   * The stream's next token, which its history takes note of.
   *
   * @param logProbabilities Natural log; the stream's row begins at `offset` and has V elements. Not changed.
   */
  choose(logProbabilities: FloatArray, offset = 0): number {
    const candidates = this.#candidates;
    candidates.start(logProbabilities, offset, this.#controls, this.recent?.counts);
    if (this.#constraint) {
      this.#constraint.allow(this.#allowed);
      candidates.keepAllowed(this.#allowed);
    }
    const token = this.#chooseAmong(candidates);
    this.recent?.push(token);
    this.#constraint?.advance(token);
    return token;
  }

  #chooseAmong(candidates: Candidates): number {
    const { temperature, temperatureRange, topK, topP, minP, typicalP, mirostat } = this.#controls;
    const likeliest = candidates.likeliest();
    if (candidates.count === 1 || temperature === 0) {
      this.probability = 1;
      // A step whose outcome is certain costs a random number like every other.
      if (temperature > 0) this.#generator.nextUniform();
      return likeliest;
    }
    const heat = temperatureRange > 0 ? this.#dynamicTemperature(likeliest) : temperature;
    if (topK > 0) candidates.keepLargest(topK);
    let sum = candidates.exponentiate(likeliest, heat);
    if (topP < 1) sum = candidates.keepMass(topP * sum);
    if (minP > 0) sum = candidates.keepAtLeast(minP);
    if (typicalP < 1) sum = candidates.keepTypical(sum, typicalP);
    return mirostat > 0 ? this.#drawSurprising(sum) : this.#draw(sum);
  }

  /** From temperature − range to temperature + range as the entropy goes from 0 to that of the uniform distribution. */
  #dynamicTemperature(likeliest: number): number {
    const { temperature, temperatureRange } = this.#controls;
    const candidates = this.#candidates;
    const sum = candidates.exponentiate(likeliest, 1);
    const share = candidates.entropy(sum) / Math.log(candidates.count);
    return Math.max(temperature + temperatureRange * (2 * share - 1), Number.MIN_VALUE);
  }

  /** Draws among what is not more surprising than the limit, and moves the limit towards the target. */
  #drawSurprising(sum: number): number {
    const { mirostat, mirostatRate } = this.#controls;
    const candidates = this.#candidates;
    // The likeliest one always stays; typical-p may have left only others.
    const least = Math.min(sum * 2 ** -this.#surpriseLimit, candidates.largestWeight());
    const token = this.#draw(candidates.keepAtLeast(least));
    const surprise = Math.log2(sum / candidates.weight(token));
    this.#surpriseLimit -= mirostatRate * (surprise - mirostat);
    return token;
  }

  #draw(sum: number): number {
    const token = this.#candidates.draw(sum, this.#generator.nextUniform());
    this.probability = this.#candidates.weight(token) / sum;
    return token;
  }
}
