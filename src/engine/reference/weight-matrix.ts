/** A weight matrix as the right side of a product: floats, or int8 (`engine/int8.ts`). */
import type { FloatArray } from '../engine.ts';
import { ACTIVATION_LEVELS, HIDDEN_SCALE, hiddenLevel, roundToEven, scaleOf } from '../int8.ts';
import { type Matrix, multiplyAdd } from './multiply.ts';

/** Levels and scales of an int8 matrix. The levels are floats, so that the product of float matrices computes their exact sums. */
export interface Levels {
  readonly levels: Float32Array;
  /** One for each row. */
  readonly scales: Float32Array;
}

export class WeightMatrix {
  /** [rows, columns], from the first element on. */
  readonly data: FloatArray;
  readonly columns: number;
  readonly #levels: Levels | undefined;
  readonly #hasRowScales: boolean;

  /**
   * @param levels Default: the matrix is not quantized.
   * @param hasRowScales Whether the rows of the left side have scales of their own in int8. Otherwise they are hidden states.
   */
  constructor(data: FloatArray, columns: number, levels: Levels | undefined, hasRowScales: boolean) {
    this.data = data;
    this.columns = columns;
    this.#levels = levels;
    this.#hasRowScales = hasRowScales;
  }

  /** out[m, n] += Σ_k a[m, k] · w[first + n, k], for m rows of a and n rows of the matrix. */
  multiplyAdd(a: Matrix, out: Matrix, m: number, n: number, first = 0) {
    const k = this.columns;
    if (!this.#levels) return multiplyAdd(a, { data: this.data, offset: first * k }, out, m, n, k);
    const { levels, scales } = this.#levels;
    const left = quantizedInput(a, m, k, this.#hasRowScales);
    // Each sum is exact in double precision, and rounded when it is stored.
    const sums = new Float32Array(m * n);
    multiplyAdd({ data: left.levels }, { data: levels, offset: first * k }, { data: sums }, m, n, k);
    for (let row = 0; row < m; row++) {
      for (let j = 0, at = (out.offset ?? 0) + row * (out.stride ?? n); j < n; j++, at++) {
        const scale = Math.fround(scales[first + j]! * left.scales[row]!);
        out.data[at] = out.data[at]! + sums[row * n + j]! * scale;
      }
    }
  }
}

/** The levels of the rows of an input, and their scales. */
function quantizedInput(
  { data, offset = 0, stride }: Matrix,
  m: number,
  k: number,
  ownScales: boolean,
): Levels {
  const levels = new Float32Array(m * k);
  const scales = new Float32Array(m).fill(HIDDEN_SCALE);
  for (let row = 0; row < m; row++) {
    const first = offset + row * (stride ?? k);
    let largest = 0;
    for (let at = first; ownScales && at < first + k; at++) largest = Math.max(largest, Math.abs(data[at]!));
    const scale = scaleOf(largest, ACTIVATION_LEVELS);
    if (ownScales) scales[row] = scale;
    for (let i = 0; i < k; i++) {
      const x = data[first + i]!;
      levels[row * k + i] = ownScales ? roundToEven(x / scale) : hiddenLevel(x);
    }
  }
  return { levels, scales };
}
