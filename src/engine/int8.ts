/**
 * Weights of 8 bits and activations of 7 bits, for inference. docs/decisions/int8.md has the reasons.
 *
 * Each row of a weight matrix, the weights of one output, has a scale s, and its weights are levels from −127 to 127 times s. So are the rows of
 * a look-up table. Biases stay floats. s = max |w| / 127, rounded up to 16 significant bits: then level · s is exact in float32, and quantizing
 * such weights again gives the same levels and scales. So a model on these levels is also an ordinary model in float32.
 *
 * The input of a matrix product, x, has levels from −63 to 63. A hidden state lies between −1 and 1 and has the scale 1/63. The vectors of an
 * embedding have scales of their own, one per vector: max |x| / 63, rounded in the same way. A product is
 *
 *     sum + (Σ level of w · level of x) · (scale of w · scale of x)
 *
 * The sum of integers is exact. The product of the scales is rounded to float32, and the multiply-add is rounded once.
 */
import { UnsupportedError } from '../errors.ts';
import type { NumberArray } from './engine.ts';
import type { Layout, ParameterSlice } from './layout.ts';

/** Largest level of a weight, and of an activation. */
export const WEIGHT_LEVELS = 127;
export const ACTIVATION_LEVELS = 63;

/** Rows whose largest number is below this count as zero. */
const SMALLEST = 2 ** -100;
/** Weights must be below this. Then every product and sum is finite. */
const LARGEST = 2 ** 100;

/** A matrix of levels, [rows, columns], with a scale for each row. */
export interface QuantizedMatrix {
  readonly levels: Int8Array;
  readonly scales: Float32Array;
}

/** Whether a parameter tensor is quantized: matrices are, biases are not. */
export function isQuantized({ shape }: Pick<ParameterSlice, 'shape'>): boolean {
  return shape.length === 2;
}

/** Whether the input of a module has a scale for each row. Otherwise it is a hidden state, between −1 and 1. */
export function hasRowScales(layout: Layout, module: number): boolean {
  return layout[module - 1]?.kind === 'embedding';
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The scale of numbers up to `largest`: 1 if they count as zero. */
export function scaleOf(largest: number, levels: number): number {
  if (largest < SMALLEST) return 1;
  float[0] = largest / levels;
  // Rounds up to 16 significant bits: the lower 8 of 24 become zero.
  bits[0] = ((bits[0] as number) + 0xff) & ~0xff;
  return float[0];
}

/** The nearest integer; of two that are equally near, the even one. For numbers below 2⁵¹. */
export function roundToEven(x: number): number {
  const NO_FRACTION = 2 ** 52 + 2 ** 51;
  return x + NO_FRACTION - NO_FRACTION;
}

/** Quantizes the rows of a matrix, [rows, columns]. */
export function quantizeRows(values: Float32Array, rows: number, columns: number): QuantizedMatrix {
  const levels = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  for (let row = 0, first = 0; row < rows; row++, first += columns) {
    const own = values.subarray(first, first + columns);
    let largest = 0;
    for (const value of own) largest = Math.max(largest, Math.abs(value));
    const scale = scaleOf(largest, WEIGHT_LEVELS);
    scales[row] = scale;
    for (let column = 0; column < columns; column++)
      levels[first + column] = roundToEven((own[column] as number) / scale);
  }
  return { levels, scales };
}

/** The numbers of a quantized matrix, level · scale. They are exact. */
export function dequantized({ levels, scales }: QuantizedMatrix): Float32Array {
  const columns = levels.length / scales.length;
  const values = new Float32Array(levels.length);
  scales.forEach((scale, row) => {
    for (let at = row * columns; at < (row + 1) * columns; at++) values[at] = (levels[at] as number) * scale;
  });
  return values;
}

/** The level of a number of a hidden state. Numbers beyond ±1 count as ±1. */
export function hiddenLevel(x: number): number {
  const scaled = Math.fround(x * ACTIVATION_LEVELS);
  return roundToEven(Math.min(Math.max(scaled, -ACTIVATION_LEVELS), ACTIVATION_LEVELS));
}

/** The scale of a hidden state. */
export const HIDDEN_SCALE = Math.fround(1 / ACTIVATION_LEVELS);

/** @throws {UnsupportedError} unless all parameters are finite, and below 2¹⁰⁰ */
export function checkQuantizable(parameters: NumberArray): void {
  let at = 0;
  while (at < parameters.length && Math.abs(parameters[at] as number) < LARGEST) at++;
  if (at === parameters.length) return;
  throw new UnsupportedError(
    `parameter ${at} of the model is ${parameters[at]}, and int8 holds numbers between ±2^100.`,
    {
      remedies: [{ text: 'To compute with the weights as they are', set: { quantize: 'none' } }],
    },
  );
}
