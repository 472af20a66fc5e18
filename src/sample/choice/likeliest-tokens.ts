/** The likeliest tokens of a prediction, for those who look into it. */
import type { FloatArray } from '../../engine/engine.ts';

/** A token that a prediction holds possible. */
export interface RankedToken {
  readonly token: number;
  /** Natural log; −∞ where the prediction is not a number. */
  readonly logProbability: number;
}

/**
 * The `count` likeliest tokens, or all if there are fewer, the likeliest first; of equals the smaller token comes first.
 *
 * @param row Log-probabilities [V].
 */
export function likeliestTokens(row: FloatArray, count: number): RankedToken[] {
  const best: RankedToken[] = [];
  if (count === 0) return best;
  let least = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < row.length; token++) {
    const value = row[token] as number;
    const logProbability = Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
    if (best.length === count) {
      if (logProbability <= least) continue;
      best.pop();
    }
    best.splice(placeOf(logProbability, best), 0, { token, logProbability });
    least = (best.at(-1) as RankedToken).logProbability;
  }
  return best;
}

/** Where a log-probability belongs among falling ones: after its equals. */
function placeOf(logProbability: number, ranked: readonly RankedToken[]): number {
  let low = 0;
  let high = ranked.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranked[middle] as RankedToken).logProbability >= logProbability) low = middle + 1;
    else high = middle;
  }
  return low;
}
