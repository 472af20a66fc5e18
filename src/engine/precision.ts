/** The array type of each precision. */
import type { FloatArray, Precision } from './engine.ts';

export type FloatArrayType = typeof Float32Array | typeof Float64Array;

export function floatArrayType(precision: Precision): FloatArrayType {
  return precision === 'float64' ? Float64Array : Float32Array;
}

/** An array of zeros. */
export function floats(precision: Precision, size: number): FloatArray {
  return new (floatArrayType(precision))(size);
}
