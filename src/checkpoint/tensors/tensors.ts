/** Names, shapes and gate orders of the tensors in a checkpoint. */
import type { CellKind } from '../../engine/cells.ts';
import type { FloatArray, Precision } from '../../engine/engine.ts';
import { dequantized, isQuantized, type QuantizedMatrix, quantizeRows } from '../../engine/int8.ts';
import {
  type Layout,
  layerOf,
  type ParameterSlice,
  parameterCount,
  parameterSlices,
} from '../../engine/layout.ts';
import { floatArrayType } from '../../engine/precision.ts';
import { malformed } from '../errors.ts';
import { type ArrayType, isFloat, numberType, type TensorArray } from '../safetensors/number-types.ts';
import type { TensorInFile, TensorToStore } from '../safetensors/safetensors.ts';
import type { RoundedType } from '../stored-precision.ts';
import { fromGateOrder, gatesInOrder, programCell, toGateOrder } from './gates.ts';
import { int8Tensors, int8Values, isInt8, scaleName } from './int8-tensors.ts';

type Tensors = ReadonlyMap<string, TensorInFile>;

/** The name of PyTorch's recurrent layers in a checkpoint. */
const PYTORCH_LAYERS = 'rnn';

/** The name of the recurrent layers: `rnn` for a cell that PyTorch has, otherwise a name such as `gru_v1`. */
export function layersName(kind: CellKind): string {
  return programCell('pytorch', kind) ? PYTORCH_LAYERS : `${kind.cell}_v1`;
}

/** The name of a parameter tensor: `rnn.weight_hh_l0`, `gru_v1.weight_hh_l0`, `embedding.weight`, `decoder.bias`. */
function tensorName(layout: Layout, { module, name }: ParameterSlice): string {
  const owner = layout[module];
  if (owner?.kind !== 'recurrent') return `${owner?.name}.${name}`;
  return `${layersName(owner)}.${name}_l${layerOf(layout, module)}`;
}

/** The cell whose gates are stored in PyTorch's order; undefined for a tensor that is stored unchanged. */
function cellInOrder(layout: Layout, { module }: ParameterSlice) {
  const owner = layout[module];
  return owner?.kind === 'recurrent' && programCell('pytorch', owner) ? owner.cell : undefined;
}

/** The names of moments have a prefix. */
const kindOf = (prefix: string) => (prefix === '' ? 'parameters' : 'moments');

/** The tensors of a flat vector of parameters or moments, with names that start with `prefix`. */
export function vectorTensors(
  layout: Layout,
  flat: FloatArray,
  prefix: string,
  storedAs?: RoundedType,
): [string, TensorToStore][] {
  return parameterSlices(layout).flatMap((slice): [string, TensorToStore][] => {
    const { offset, size, shape } = slice;
    const name = prefix + tensorName(layout, slice);
    const values = flat.subarray(offset, offset + size);
    const cell = cellInOrder(layout, slice);
    if (storedAs === 'int8' && isQuantized(slice))
      return int8Tensors(name, shape, cell ? toGateOrder('pytorch', cell, values) : values);
    const pieces = cell && (() => gatesInOrder('pytorch', cell, values, kindOf(prefix)));
    return [[name, { shape, values, pieces, storedAs: storedAs === 'int8' ? undefined : storedAs }]];
  });
}

/** The parameters as an int8 file would return them: the elements of each matrix rounded to its levels. */
export function onLevels(layout: Layout, flat: FloatArray): Float32Array {
  return keepLevels(layout, flat)();
}

/**
 * Rounds like `onLevels`.
 *
 * @returns a function that keeps only the levels, a quarter of the memory, and computes the parameters from them
 */
export function keepLevels(layout: Layout, flat: FloatArray): () => Float32Array {
  return computedFrom(layout, levelsOf(layout, flat));
}

interface Kept {
  readonly slice: ParameterSlice;
  readonly values: QuantizedMatrix | Float32Array<ArrayBuffer>;
}

function levelsOf(layout: Layout, flat: FloatArray): Kept[] {
  return parameterSlices(layout).map((slice) => ({ slice, values: keptValues(layout, slice, flat) }));
}

/** A separate function, because closures that are made in one call share their variables in V8: `flat` would stay in memory. */
function computedFrom(layout: Layout, kept: readonly Kept[]): () => Float32Array {
  return () => {
    const rounded = new Float32Array(parameterCount(layout));
    for (const { slice, values } of kept) {
      const into = rounded.subarray(slice.offset, slice.offset + slice.size);
      const cell = cellInOrder(layout, slice);
      if (values instanceof Float32Array) into.set(values);
      else if (cell) fromGateOrder('pytorch', cell, dequantized(values), into);
      else into.set(dequantized(values));
    }
    return rounded;
  };
}

/** The levels of a matrix, in the order of the file; a copy of a bias. */
function keptValues(layout: Layout, slice: ParameterSlice, flat: FloatArray): Kept['values'] {
  const own = Float32Array.from(flat.subarray(slice.offset, slice.offset + slice.size));
  if (!isQuantized(slice)) return own;
  const cell = cellInOrder(layout, slice);
  const [rows = 0, columns = 0] = slice.shape;
  return quantizeRows(cell ? toGateOrder('pytorch', cell, own) : own, rows, columns);
}

/** The names of the tensors of a flat vector. */
export function vectorNames(layout: Layout, prefix: string): string[] {
  return parameterSlices(layout).map((slice) => prefix + tensorName(layout, slice));
}

/** Reads a flat vector from its tensors, one at a time. Converts floats of another type. */
export function vectorFromTensors(
  layout: Layout,
  tensors: Tensors,
  prefix: string,
  precision: Precision,
  file: string,
): FloatArray {
  const type = floatArrayType(precision);
  const parts = parameterSlices(layout).map((slice) => {
    const name = prefix + tensorName(layout, slice);
    const mayBeInt8 = prefix === '' && isQuantized(slice);
    if (mayBeInt8 && isInt8(tensors.get(name))) {
      const levels = checkedTensor(tensors, name, slice.shape, Int8Array, file);
      const scales = checkedTensor(tensors, scaleName(name), [slice.shape[0] ?? 0], Float32Array, file);
      return { slice, values: () => int8Values(name, levels, scales, file) };
    }
    const tensor = checkedTensor(tensors, name, slice.shape, type, file, true);
    return { slice, values: () => tensor.values as FloatArray };
  });
  // Allocated only now that all tensors are known to be in the file.
  const flat = new type(parameterCount(layout));
  for (const { slice, values: valuesOf } of parts) {
    const values = inType(valuesOf(), type);
    const cell = cellInOrder(layout, slice);
    const target = flat.subarray(slice.offset, slice.offset + slice.size);
    if (cell) fromGateOrder('pytorch', cell, values, target, kindOf(prefix));
    else target.set(values);
  }
  return flat;
}

/** Converts floats to an array type, unless they have it already. */
export function inType(values: FloatArray, type: ReturnType<typeof floatArrayType>): FloatArray {
  return values instanceof type ? values : new type(values);
}

/** A floating-point tensor with exactly this precision and shape. */
export function floatTensor(
  tensors: Tensors,
  name: string,
  shape: readonly number[],
  precision: Precision,
  file: string,
): FloatArray {
  return checkedTensor(tensors, name, shape, floatArrayType(precision), file).values as FloatArray;
}

/** A tensor with exactly this type and shape. A `null` length matches any length. */
export function typedTensor<T extends TensorArray>(
  tensors: Tensors,
  name: string,
  shape: readonly (number | null)[],
  type: ArrayType & (new (buffer: ArrayBuffer) => T),
  file: string,
): T {
  return checkedTensor(tensors, name, shape, type, file).values as T;
}

function checkedTensor(
  tensors: Tensors,
  name: string,
  shape: readonly (number | null)[],
  type: ArrayType,
  file: string,
  anyFloat = false,
): TensorInFile {
  const tensor = tensors.get(name);
  if (!tensor) throw malformed(file, `it has no tensor ${name}`);
  if (tensor.type.array !== type && !(anyFloat && isFloat(tensor.type)))
    throw malformed(file, `tensor ${name} is ${tensor.type.name}, expected ${numberType(type)}`);
  const fits =
    tensor.shape.length === shape.length &&
    shape.every((length, axis) => length === null || tensor.shape[axis] === length);
  if (!fits) {
    const expected = shape.map((length) => length ?? '?').join(', ');
    throw malformed(file, `tensor ${name} is [${tensor.shape.join(', ')}], expected [${expected}]`);
  }
  return tensor;
}

/** A tensor and its name. Default shape: one dimension. */
export function oneTensor(
  name: string,
  values: TensorArray,
  shape: readonly number[] = [values.length],
): [string, TensorToStore] {
  return [name, { shape, values }];
}

/** Converts 64-bit integers to numbers. */
export function safeIntegers(values: BigInt64Array, name: string, file: string): number[] {
  return Array.from(values, (value) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw malformed(file, `tensor ${name} holds ${value}`);
    return number;
  });
}
