/**
 * Turns rows of log-probabilities into the tokens of one sequence, by the filters that its controls make active (`filters.ts`). Where none
 * but temperature is, the draw is the original's, to the bit (`Candidates.draw`).
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
  /** That with which the last token was drawn, after all controls. */
  probability = 1;
  /** What it has written lately; absent without penalties. */
  readonly recent: RecentTokens | undefined;
  readonly #temperature: number;
  readonly #generator: MersenneTwister;
  readonly #candidates: Candidates;
  /** Those of every choice, and those of a draw. */
  readonly #steps: readonly FilterStep[];
  readonly #drawSteps: readonly FilterStep[];

  /** @param generator The sequence's own: one number a token, none at a temperature of 0. */
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
   * The sequence's next token, which its history takes note of.
   *
   * @param logProbabilities Natural log; the sequence's row begins at `offset` and has V elements. Not changed.
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
      // A step whose outcome is certain costs a random number like every other.
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
