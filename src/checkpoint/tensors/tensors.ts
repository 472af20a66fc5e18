/** Names, shapes and gate orders of the tensors in a checkpoint. */
import type { CellKind } from '../../engine/cells.ts';
import type { FloatArray, Precision } from '../../engine/engine.ts';
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
import { fromGateOrder, gatesInOrder, programCell } from './gates.ts';

type Tensors = ReadonlyMap<string, TensorInFile>;

/** The name of PyTorch's recurrent layers in a checkpoint. */
const PYTORCH_LAYERS = 'rnn';

/** The name of the recurrent layers: of a cell that PyTorch has (`nn.LSTM`), or of one that it does not have, such as `gru_v1`. */
export function layersName(kind: CellKind): string {
  return programCell('pytorch', kind) ? PYTORCH_LAYERS : `${kind.cell}_v1`;
}

/** The name of a parameter tensor: `rnn.weight_hh_l0`, `gru_v1.weight_hh_l0`, `embedding.weight`, `decoder.bias`. */
function tensorName(layout: Layout, { module, name }: ParameterSlice): string {
  const owner = layout[module];
  if (owner?.kind !== 'recurrent') return `${owner?.name}.${name}`;
  return `${layersName(owner)}.${name}_l${layerOf(layout, module)}`;
}

/** The cell whose gates are stored in PyTorch's order; undefined for what stands as it is. */
function cellInOrder(layout: Layout, { module }: ParameterSlice) {
  const owner = layout[module];
  return owner?.kind === 'recurrent' && programCell('pytorch', owner) ? owner.cell : undefined;
}

/** Moments have names with a prefix. */
const kindOf = (prefix: string) => (prefix === '' ? 'parameters' : 'moments');

/** The tensors of a flat vector (parameters or moments), under names that start with `prefix`. */
export function vectorTensors(layout: Layout, flat: FloatArray, prefix: string): [string, TensorToStore][] {
  return parameterSlices(layout).map((slice) => {
    const values = flat.subarray(slice.offset, slice.offset + slice.size);
    const cell = cellInOrder(layout, slice);
    const pieces = cell && (() => gatesInOrder('pytorch', cell, values, kindOf(prefix)));
    return [prefix + tensorName(layout, slice), { shape: slice.shape, values, pieces }];
  });
}

/** The names of the tensors of a flat vector. */
export function vectorNames(layout: Layout, prefix: string): string[] {
  return parameterSlices(layout).map((slice) => prefix + tensorName(layout, slice));
}

/** The flat vector from its tensors, which are read one after the other. Floats of another type are converted. */
export function vectorFromTensors(
  layout: Layout,
  tensors: Tensors,
  prefix: string,
  precision: Precision,
  file: string,
): FloatArray {
  const type = floatArrayType(precision);
  const parts = parameterSlices(layout).map((slice) => ({
    slice,
    tensor: checkedTensor(tensors, prefix + tensorName(layout, slice), slice.shape, type, file, true),
  }));
  // Only now is it known that the file has as many numbers.
  const flat = new type(parameterCount(layout));
  for (const { slice, tensor } of parts) {
    const values = inType(tensor.values as FloatArray, type);
    const cell = cellInOrder(layout, slice);
    const place = flat.subarray(slice.offset, slice.offset + slice.size);
    if (cell) fromGateOrder('pytorch', cell, values, place, kindOf(prefix));
    else place.set(values);
  }
  return flat;
}

/** Floats as an array of a type: themselves where they are of it. */
export function inType(values: FloatArray, type: ReturnType<typeof floatArrayType>): FloatArray {
  return values instanceof type ? values : new type(values);
}

/** A tensor of numbers in the precision, with exactly this shape. */
export function floatTensor(
  tensors: Tensors,
  name: string,
  shape: readonly number[],
  precision: Precision,
  file: string,
): FloatArray {
  return checkedTensor(tensors, name, shape, floatArrayType(precision), file).values as FloatArray;
}

/** A tensor with exactly this type and shape; a `null` length may be anything. */
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

/** A tensor under its name; of one dimension unless a shape is given. */
export function oneTensor(
  name: string,
  values: TensorArray,
  shape: readonly number[] = [values.length],
): [string, TensorToStore] {
  return [name, { shape, values }];
}

/** 64-bit integers as numbers. */
export function safeIntegers(values: BigInt64Array, name: string, file: string): number[] {
  return Array.from(values, (value) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw malformed(file, `tensor ${name} holds ${value}`);
    return number;
  });
}
