/** The model's prediction for a token that was chosen: its log-probability, the entropy and the most likely alternatives. */
import type { FloatArray } from '../engine/engine.ts';

/** A token and its log-probability in a prediction. */
export interface RankedToken {
  readonly token: number;
  /** In nats; −∞ if the prediction contains NaN for this token. */
  readonly logProbability: number;
}

/** The model's own prediction, before any control, in nats. */
export interface TokenDetails {
  /** The chosen token. */
  readonly token: number;
  readonly logProbability: number;
  /** The entropy of the whole prediction: how uncertain the model was. */
  readonly entropy: number;
  /** The probability of the token after all controls; 1 if it was not drawn at random. */
  readonly drawnProbability: number;
  /** The most likely tokens, in descending order. */
  readonly alternatives: readonly RankedToken[];
}

/** Makes the details of chosen tokens from rows of log-probabilities. */
export class PredictionReader {
  readonly #vocabularySize: number;
  readonly #alternatives: number;

  /** @param alternatives How many of the most likely tokens to list. */
  constructor(vocabularySize: number, alternatives: number) {
    this.#vocabularySize = vocabularySize;
    this.#alternatives = alternatives;
  }

  /** @param row Contains the prediction, V log-probabilities, at `offset`. */
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

/**
 * The `count` most likely tokens in descending order, or all tokens if there are fewer. Of equally likely tokens, the smaller one comes first.
 *
 * @param row Log-probabilities [V].
 */
export function likeliestTokens(row: FloatArray, count: number): RankedToken[] {
  const best: RankedToken[] = [];
  if (count === 0) return best;
  let lowest = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < row.length; token++) {
    const value = row[token] as number;
    const logProbability = Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
    if (best.length === count) {
      if (logProbability <= lowest) continue;
      best.pop();
    }
    best.splice(insertionIndex(logProbability, best), 0, { token, logProbability });
    lowest = (best.at(-1) as RankedToken).logProbability;
  }
  return best;
}

/** The index that keeps the list in descending order, after all equal log-probabilities. */
function insertionIndex(logProbability: number, ranked: readonly RankedToken[]): number {
  let low = 0;
  let high = ranked.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranked[middle] as RankedToken).logProbability >= logProbability) low = middle + 1;
    else high = middle;
  }
  return low;
}
