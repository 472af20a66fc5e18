/**
 * The running mean of a curve: m_t = β·m_{t−1} + (1 − β)·v_t with m_0 = 0, divided by 1 − β^t, the sum of the weights so far. Without the
 * division, the first values would be drawn towards 0 (Kingma and Ba 2015, section 3).
 *
 * Values that are not finite are passed over; their means are NaN.
 */
export function runningMean(values: Float32Array, weight: number): Float32Array {
  const means = new Float32Array(values.length);
  let mean = 0;
  let weights = 0;
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as number;
    if (!Number.isFinite(value)) {
      means[row] = Number.NaN;
      continue;
    }
    mean = weight * mean + (1 - weight) * value;
    weights = weight * weights + (1 - weight);
    means[row] = mean / weights;
  }
  return means;
}
