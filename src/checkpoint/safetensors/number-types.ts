/** Number types of tensors in files, and their conversion to arrays. */
import type { Precision } from '../../engine/engine.ts';

export type TensorArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

export type ArrayType = { new (buffer: ArrayBuffer): TensorArray; readonly BYTES_PER_ELEMENT: number };

export type NumberType = 'float64' | 'float32' | 'int64' | 'int32' | 'uint8';

/** A number type in a file. */
export interface StoredType {
  /** For messages, such as `float16`. */
  readonly name: string;
  readonly bytesPerElement: number;
  /** The type of the array. Absent for a type that no model here uses, whose values are read as bytes. */
  readonly array?: ArrayType | undefined;
  /** Converts the stored bytes. Absent if the array has the same bytes. */
  readonly widen?: (bytes: Uint8Array<ArrayBuffer>) => TensorArray;
}

function plain(name: NumberType, array: ArrayType): StoredType {
  return { name, bytesPerElement: array.BYTES_PER_ELEMENT, array };
}

export const FLOAT64 = plain('float64', Float64Array);
export const FLOAT32 = plain('float32', Float32Array);
export const INT64 = plain('int64', BigInt64Array);
export const INT32 = plain('int32', Int32Array);
export const UINT8 = plain('uint8', Uint8Array);
export const FLOAT16: StoredType = {
  name: 'float16',
  bytesPerElement: 2,
  array: Float32Array,
  widen: (bytes) => Float32Array.from(new Uint16Array(bytes.buffer), fromFloat16),
};
export const BFLOAT16: StoredType = {
  name: 'bfloat16',
  bytesPerElement: 2,
  array: Float32Array,
  widen: fromBfloat16,
};

/** The name of an array type in messages. */
export function numberType(type: ArrayType): NumberType {
  if (type === Float64Array) return 'float64';
  if (type === Float32Array) return 'float32';
  if (type === BigInt64Array) return 'int64';
  return type === Int32Array ? 'int32' : 'uint8';
}

/** The numbers in the bytes of a tensor. The bytes must be at the start of their buffer. */
export function numbersIn(
  bytes: Uint8Array<ArrayBuffer>,
  { array = Uint8Array, widen }: StoredType,
): TensorArray {
  return widen ? widen(bytes) : new array(bytes.buffer);
}

/** Whether an array can be stored as a type without conversion. */
export function isStoredAs(values: TensorArray, { array, widen }: StoredType): boolean {
  return array !== undefined && !widen && values instanceof array;
}

/** Whether a type is a floating-point type that can be read. */
export function isFloat({ array }: StoredType): boolean {
  return array === Float32Array || array === Float64Array;
}

/** A number from the bits of an IEEE 754 half: 1 sign bit, 5 exponent bits, 10 fraction bits. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A bfloat16 is the upper half of a float32. */
function fromBfloat16(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  const halves = new Uint16Array(bytes.buffer);
  return new Float32Array(Uint32Array.from(halves, (half) => half * 0x10000).buffer);
}

/**
 * The precision in which to read weights, whatever type another tool stored them in.
 *
 * @param types The types of all weights in the file.
 * @param precision The precision of the model when it was written.
 * @returns the precision, and a notice if it or the types have changed
 */
export function storedPrecision(
  types: Iterable<StoredType>,
  precision: Precision,
): { precision: Precision; notice?: string } {
  const different = [...new Set(types)];
  const names = different.map(({ name }) => name);
  // If a type is not floating-point, reading the tensor will throw.
  if (names.every((name) => name === precision) || !different.every(isFloat)) return { precision };
  const wanted = names.includes('float64') ? 'float64' : 'float32';
  return {
    precision: wanted,
    notice: `its weights are stored as ${names.join(' and ')}, the model was ${precision}; read as ${wanted}`,
  };
}
