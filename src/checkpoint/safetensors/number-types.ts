/** Number types of tensors in files, and their conversion to arrays. */
import type { Precision } from '../../engine/engine.ts';
import type { HalfPrecision, WeightType } from '../stored-precision.ts';
import { fromHalf } from './half-precision.ts';

export type TensorArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Int8Array | Uint8Array;

export type ArrayType = { new (buffer: ArrayBuffer): TensorArray; readonly BYTES_PER_ELEMENT: number };

export type NumberType = 'float64' | 'float32' | 'int64' | 'int32' | 'int8' | 'uint8';

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

function half(name: HalfPrecision): StoredType {
  return {
    name,
    bytesPerElement: 2,
    array: Float32Array,
    widen: (bytes) => fromHalf(new Uint16Array(bytes.buffer), name),
  };
}

export const FLOAT64 = plain('float64', Float64Array);
export const FLOAT32 = plain('float32', Float32Array);
export const INT64 = plain('int64', BigInt64Array);
export const INT32 = plain('int32', Int32Array);
export const INT8 = plain('int8', Int8Array);
export const UINT8 = plain('uint8', Uint8Array);
export const FLOAT16 = half('float16');
export const BFLOAT16 = half('bfloat16');

/** The name of an array type in messages. */
export function numberType(type: ArrayType): NumberType {
  if (type === Float64Array) return 'float64';
  if (type === Float32Array) return 'float32';
  if (type === BigInt64Array) return 'int64';
  if (type === Int32Array) return 'int32';
  return type === Int8Array ? 'int8' : 'uint8';
}

/** The numbers in the bytes of a tensor. The bytes must be at the start of their buffer. */
export function numbersIn(
  bytes: Uint8Array<ArrayBuffer>,
  { array = Uint8Array, widen }: StoredType,
): TensorArray {
  return widen ? widen(bytes) : new array(bytes.buffer);
}

/** Whether a type is a floating-point type that can be read. */
export function isFloat({ array }: StoredType): boolean {
  return array === Float32Array || array === Float64Array;
}

/** The type in which numbers are stored: their own, or the one to which they are rounded. */
export function typeToStore(values: TensorArray, storedAs?: HalfPrecision): StoredType {
  if (storedAs) return storedAs === 'float16' ? FLOAT16 : BFLOAT16;
  const type = [FLOAT64, FLOAT32, INT64, INT32, INT8, UINT8].find(
    ({ array }) => array !== undefined && values instanceof array,
  );
  if (!type) throw new TypeError('a tensor of this number type cannot be stored');
  return type;
}

/** Types of parameters in a file, and what they mean for the model. */
export interface StoredWeights {
  /** The precision of the model that is read. */
  readonly precision: Precision;
  /** The types of the parameter tensors, in the order given. Absent if all are stored in the model's precision. */
  readonly weightTypes?: readonly WeightType[];
  /** Set if the types differ from those in the metadata. */
  readonly notice?: string;
}

/**
 * The precision in which to read weights, whatever type this or another program stored them in.
 *
 * @param types The types of all weights in the file.
 * @param precision The precision of the model when it was written.
 * @param declared The type of the weights according to the metadata. Default: the precision.
 */
export function storedWeights(
  types: readonly StoredType[],
  precision: Precision,
  declared: WeightType = precision,
): StoredWeights {
  const different = [...new Set(types)];
  const names = different.map(({ name }) => name);
  // A tensor of any other type is reported when it is read.
  const isReadable = (type: StoredType) => isFloat(type) || type === INT8;
  if (names.every((name) => name === precision) || !different.every(isReadable)) return { precision };
  const wanted = names.includes('float64') ? 'float64' : 'float32';
  const weightTypes = types.map(({ name }) => name as WeightType);
  const isDeclared = (name: string) => name === declared || (declared === 'int8' && name === 'float32');
  if (wanted === precision && names.every(isDeclared)) return { precision, weightTypes };
  return {
    precision: wanted,
    weightTypes,
    notice: `its weights are stored as ${names.join(' and ')}, but the model was ${precision}; read as ${wanted}`,
  };
}
