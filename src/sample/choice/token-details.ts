/** What a model thought of a token that was drawn: for people and programs that look into its predictions. */
import type { FloatArray } from '../../engine/engine.ts';
import { likeliestTokens, type RankedToken } from './likeliest-tokens.ts';

/** Of the model's own prediction, before any control. Natural logarithms: nats. */
export interface TokenDetails {
  readonly token: number;
  readonly logProbability: number;
  /** Of the whole prediction, in nats: how unsure the model was. */
  readonly entropy: number;
  /** With which it was drawn, after all controls. */
  readonly drawnProbability: number;
  /** The likeliest tokens, the likeliest first. */
  readonly alternatives: readonly RankedToken[];
}

/** Looks at rows of log-probabilities over a vocabulary. */
export class PredictionReader {
  readonly #vocabularySize: number;
  readonly #alternatives: number;

  /** @param alternatives How many of the likeliest tokens are named. */
  constructor(vocabularySize: number, alternatives: number) {
    this.#vocabularySize = vocabularySize;
    this.#alternatives = alternatives;
  }

  /** @param row The prediction begins at `offset`. */
  describe(row: FloatArray, offset: number, token: number, drawnProbability: number): TokenDetails {
    const prediction = row.subarray(offset, offset + this.#vocabularySize);
    let entropy = 0;
    for (const log of prediction) if (log > Number.NEGATIVE_INFINITY) entropy -= Math.exp(log) * log;
    const alternatives = likeliestTokens(prediction, this.#alternatives);
    const own = prediction[token] as number;
    const logProbability = Number.isNaN(own) ? Number.NEGATIVE_INFINITY : own;
    return { token, logProbability, entropy, drawnProbability, alternatives };
  }
}
