/** The largest |actual − expected|, relative to the largest |expected|. NaN anywhere gives NaN, which is below no tolerance. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length)
    throw new RangeError(`${actual.length} numbers, not ${expected.length}`);
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    const delta = Math.abs((actual[i] as number) - (expected[i] as number));
    if (Number.isNaN(delta)) return Number.NaN;
    difference = Math.max(difference, delta);
    scale = Math.max(scale, Math.abs(expected[i] as number));
  }
  return difference / scale;
}
