/** Types of numbers in files of tensors, and how their bytes become arrays. */
import type { Precision } from '../../engine/engine.ts';

export type TensorArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

export type ArrayType = { new (buffer: ArrayBuffer): TensorArray; readonly BYTES_PER_ELEMENT: number };

export type NumberType = 'float64' | 'float32' | 'int64' | 'int32' | 'uint8';

/** A type as a file stores it. */
export interface StoredType {
  /** For messages, such as `float16`. */
  readonly name: string;
  readonly bytesPerElement: number;
  /** The array of the numbers. Absent for a type that no model here has; its values are bytes. */
  readonly array?: ArrayType | undefined;
  /** Converts the stored bytes; absent where they are the array's own bytes. */
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

/** What a kind of array is called in messages. */
export function numberType(type: ArrayType): NumberType {
  if (type === Float64Array) return 'float64';
  if (type === Float32Array) return 'float32';
  if (type === BigInt64Array) return 'int64';
  return type === Int32Array ? 'int32' : 'uint8';
}

/** The numbers in the bytes of a tensor; the bytes must start their buffer. */
export function numbersIn(
  bytes: Uint8Array<ArrayBuffer>,
  { array = Uint8Array, widen }: StoredType,
): TensorArray {
  return widen ? widen(bytes) : new array(bytes.buffer);
}

/** Whether an array is stored as a type, without a change to its bytes. */
export function isStoredAs(values: TensorArray, { array, widen }: StoredType): boolean {
  return array !== undefined && !widen && values instanceof array;
}

/** Whether numbers of a type are of floating point and can be read. */
export function isFloat({ array }: StoredType): boolean {
  return array === Float32Array || array === Float64Array;
}

/** IEEE 754 half precision: 1 bit sign, 5 bits exponent, 10 bits fraction. */
function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of a float32. */
function fromBfloat16(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  const halves = new Uint16Array(bytes.buffer);
  return new Float32Array(Uint32Array.from(halves, (half) => half * 0x10000).buffer);
}

/**
 * @param types Of all weights in the file.
 * @param precision That of the model when it was written.
 * @returns the precision, and where the types are others a notice for people
 */
export function storedPrecision(
  types: Iterable<StoredType>,
  precision: Precision,
): { precision: Precision; notice?: string } {
  const different = [...new Set(types)];
  const names = different.map(({ name }) => name);
  // A type that is no float is an error of its tensor.
  if (names.every((name) => name === precision) || !different.every(isFloat)) return { precision };
  const wanted = names.includes('float64') ? 'float64' : 'float32';
  return {
    precision: wanted,
    notice: `its weights are stored as ${names.join(' and ')}, the model was ${precision}; read as ${wanted}`,
  };
}
