/** The standard error of a mean: s / √n with s² = Σ(x − mean)² / (n − 1). Undefined for fewer than two samples. */
export function standardError(samples: readonly number[]): number | undefined {
  const n = samples.length;
  if (n < 2) return undefined;
  const mean = samples.reduce((sum, value) => sum + value, 0) / n;
  const squares = samples.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (n - 1) / n);
}
