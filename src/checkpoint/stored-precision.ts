/** The precisions in which a file can store parameters: only their names, so that help need not load the code that converts. */

/** Floating-point numbers of 16 bits. */
export const HALF_PRECISIONS = ['float16', 'bfloat16'] as const;
export type HalfPrecision = (typeof HALF_PRECISIONS)[number];

export const STORED_PRECISIONS = ['float32', 'float64', ...HALF_PRECISIONS] as const;
export type StoredPrecision = (typeof STORED_PRECISIONS)[number];

/** The type of a parameter tensor in a file. In an int8 file, matrices are int8 and biases float32. */
export type WeightType = StoredPrecision | 'int8';

/** What parameters are rounded to in a file. */
export type RoundedType = HalfPrecision | 'int8';
