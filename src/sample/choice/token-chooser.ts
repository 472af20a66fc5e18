/**
 * Chooses the tokens of one sequence from rows of log-probabilities, with the filters that its controls make active (`filters.ts`). If only
 * the temperature is active, the draw is the original's, to the bit (`Candidates.draw`).
 */
import { Candidates } from '../../engine/candidates.ts';
import type { FloatArray } from '../../engine/engine.ts';
import type { MersenneTwister } from '../../util/mersenne-twister.ts';
import type { Constraint } from '../form/constraint.ts';
import type { Controls } from './controls.ts';
import { type FilterStep, isActive } from './filter.ts';
import { FILTERS } from './filters.ts';
import { RecentTokens } from './recent-tokens.ts';

export class TokenChooser {
  /** The probability of the last token after all controls; 1 if it was not drawn at random. */
  probability = 1;
  /** The tokens in the penalty window; undefined without penalties. */
  readonly recent: RecentTokens | undefined;
  readonly #temperature: number;
  readonly #generator: MersenneTwister;
  readonly #candidates: Candidates;
  /** The filters of log-probabilities, for every choice. */
  readonly #steps: readonly FilterStep[];
  /** The filters of weights, for random draws. */
  readonly #drawSteps: readonly FilterStep[];

  /** @param generator Used by this sequence alone: once for each token, never at temperature 0. */
  constructor(controls: Controls, generator: MersenneTwister, constraint?: Constraint) {
    const { vocabularySize, hasPenalties, penaltyWindow, temperature } = controls;
    this.#temperature = temperature;
    this.#generator = generator;
    this.#candidates = new Candidates(vocabularySize);
    this.recent = hasPenalties ? new RecentTokens(vocabularySize, penaltyWindow) : undefined;
    const settings = { ...controls, recent: this.recent, constraint };
    const active = FILTERS.filter((filter) => isActive(filter, settings));
    const begin = (changes: 'log-probabilities' | 'weights') =>
      active.filter((filter) => filter.changes === changes).map((filter) => filter.begin(settings));
    this.#steps = begin('log-probabilities');
    this.#drawSteps = begin('weights');
  }

  /**
   * Chooses the next token of the sequence and records it for the filters.
   *
   * @param logProbabilities In nats; contains the sequence's row [V] at `offset`. Not changed.
   */
  choose(logProbabilities: FloatArray, offset = 0): number {
    const candidates = this.#candidates;
    candidates.start(logProbabilities, offset);
    for (const step of this.#steps) step.apply(candidates);
    const token = this.#chooseAmong(candidates);
    for (const step of this.#steps) step.chosen?.(token, candidates);
    return token;
  }

  #chooseAmong(candidates: Candidates): number {
    const likeliest = candidates.likeliest();
    if (candidates.count === 1 || this.#temperature === 0) {
      this.probability = 1;
      // Use a random number even if only one token is possible, so that each token uses exactly one.
      if (this.#temperature > 0) this.#generator.nextUniform();
      return likeliest;
    }
    for (const step of this.#drawSteps) step.apply(candidates);
    const token = candidates.draw(this.#generator.nextUniform());
    this.probability = candidates.weight(token) / candidates.sum;
    for (const step of this.#drawSteps) step.chosen?.(token, candidates);
    return token;
  }
}
