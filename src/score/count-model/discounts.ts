/**
 * The three discounts of modified Kneser–Ney smoothing (S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language
 * modeling", Computer Speech and Language 13, 1999, equation 26):
 *
 *     Y = n₁ / (n₁ + 2·n₂)    D₁ = 1 − 2Y·n₂/n₁    D₂ = 2 − 3Y·n₃/n₂    D₃ = 3 − 4Y·n₄/n₃
 *
 * where n_k is the number of n-grams with the count k. D₃ applies to all counts from 3 on.
 */

/** The discounts of the counts 1, 2, and 3 or more. */
export type Discounts = readonly [number, number, number];

/** For counts from which the formula gives no discounts: those of KenLM's `--discount_fallback`. */
export const FALLBACK_DISCOUNTS: Discounts = [0.5, 1, 1.5];

/**
 * @param numbers The numbers of n-grams with the counts 1, 2, 3 and 4.
 * @returns the fallback if one of them is zero, or a discount would be negative
 */
export function discountsFrom(numbers: readonly [number, number, number, number]): Discounts {
  const [n1, n2, n3, n4] = numbers;
  if (n1 === 0 || n2 === 0 || n3 === 0 || n4 === 0) return FALLBACK_DISCOUNTS;
  const y = n1 / (n1 + 2 * n2);
  const discounts: Discounts = [1 - (2 * y * n2) / n1, 2 - (3 * y * n3) / n2, 3 - (4 * y * n4) / n3];
  return discounts.every((discount) => discount >= 0) ? discounts : FALLBACK_DISCOUNTS;
}
