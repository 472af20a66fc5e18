/** Pearson's chi-square test of counts against expected counts. */

/**
 * The p-value: the probability of counts that differ at least as much from the expected ones.
 *
 * Cells with fewer than five expected counts are merged. The tail is the cube-root approximation of Wilson & Hilferty 1931, correct to three
 * digits from ten degrees of freedom on, and to one digit below.
 */
export function chiSquareP(observed: ArrayLike<number>, expected: ArrayLike<number>): number {
  let statistic = 0;
  let cells = 0;
  let restObserved = 0;
  let restExpected = 0;
  for (let i = 0; i < observed.length; i++) {
    const seen = observed[i] as number;
    const due = expected[i] as number;
    if (due === 0 && seen > 0) return 0;
    if (due < 5) {
      restObserved += seen;
      restExpected += due;
      continue;
    }
    cells++;
    statistic += (seen - due) ** 2 / due;
  }
  if (restExpected >= 1) {
    cells++;
    statistic += (restObserved - restExpected) ** 2 / restExpected;
  }
  const freedom = cells - 1;
  if (freedom < 1) return 1;
  const spread = 2 / (9 * freedom);
  return normalTail(((statistic / freedom) ** (1 / 3) - (1 - spread)) / Math.sqrt(spread));
}

/** P(Z > z); Abramowitz & Stegun 26.2.17, error below 7.5e-8. */
function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (series * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}
