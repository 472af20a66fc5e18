/**
 * The original's rule for drawing a token, with which a seed gives the same text as in the original.
 *
 * The log-probabilities are divided by the temperature, exponentiated, renormalised and cast to float32. Their cumulative sum is computed in
 * double and divided by its total, and its last entry is set to 1. The token is the first entry that is not below the uniform number.
 * Source: Torch7's multinomial without alias, as `sample.lua` calls it. Unlike there, the maximum is subtracted before exponentiation, so
 * that no temperature overflows.
 */
import type { FloatArray } from '../../src/engine/engine.ts';

/** The index of the largest value; the first one if there are several. */
function argMax(values: FloatArray): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    if ((values[i] as number) > (values[best] as number)) best = i;
  }
  return best;
}

/**
 * Draws a token.
 *
 * @param logProbabilities [V], natural log; −∞ is never drawn.
 * @param uniform In [0, 1). Not used at temperature 0.
 * @param temperature 0 takes the arg max.
 */
export function drawToken(logProbabilities: FloatArray, uniform: number, temperature: number): number {
  const likeliest = argMax(logProbabilities);
  if (temperature === 0) return likeliest;
  const size = logProbabilities.length;
  const maximum = logProbabilities[likeliest] as number;

  const scaled = new Float64Array(size);
  let sum = 0;
  for (let i = 0; i < size; i++) {
    const value = Math.exp(((logProbabilities[i] as number) - maximum) / temperature);
    scaled[i] = value;
    sum += value;
  }

  let total = 0;
  for (let i = 0; i < size; i++) {
    total += Math.fround((scaled[i] as number) / sum);
    scaled[i] = total;
  }
  // A uniform number of exactly 0 must not find an entry of probability 0.
  return firstNotBelow(scaled, total, uniform || Number.MIN_VALUE);
}

/** The smallest index whose fraction of the cumulative sum is at least `uniform`; the last fraction counts as 1. */
function firstNotBelow(cumulative: Float64Array, total: number, uniform: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((cumulative[middle] as number) / total < uniform) low = middle + 1;
    else high = middle;
  }
  return low;
}
