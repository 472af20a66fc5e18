/** Names, shapes and gate orders of the tensors in a checkpoint. */
import type { FloatArray, Precision } from '../engine/engine.ts';
import {
  type Layout,
  type ParameterSlice,
  parameterCount,
  parameterSlices,
  type RecurrentModule,
} from '../engine/layout.ts';
import { CheckpointError } from '../errors.ts';
import { fromGateOrder, toGateOrder } from './gates.ts';
import type { StoredTensor, TensorArray } from './safetensors.ts';

type Tensors = ReadonlyMap<string, StoredTensor>;

/** Whether a layer is what PyTorch knows: all are but the gru whose reset gate acts before the product. */
function isPyTorchs({ cell, reset }: RecurrentModule): boolean {
  return cell !== 'gru' || reset === 'after';
}

/**
 * The name of a parameter tensor: `nn.LSTM`'s, `nn.GRU`'s and `nn.RNN`'s, `gru_v1.…` for a gru that is no `nn.GRU`,
 * `embedding.weight`, `decoder.…`.
 */
function tensorName(layout: Layout, { module, name }: ParameterSlice): string {
  const owner = layout[module];
  if (owner?.kind !== 'recurrent') return `${owner?.name}.${name}`;
  const layer = layout[0]?.kind === 'embedding' ? module - 1 : module;
  return `${isPyTorchs(owner) ? 'rnn' : 'gru_v1'}.${name}_l${layer}`;
}

/** The cell whose gates are stored in PyTorch's order; undefined for what stands as it is. */
function cellInOrder(layout: Layout, { module }: ParameterSlice) {
  const owner = layout[module];
  return owner?.kind === 'recurrent' && isPyTorchs(owner) ? owner.cell : undefined;
}

/** Moments have names with a prefix. */
const kindOf = (prefix: string) => (prefix === '' ? 'parameters' : 'moments');

/** The tensors of a flat vector (parameters or moments), under names that start with `prefix`. */
export function vectorTensors(layout: Layout, flat: FloatArray, prefix: string): [string, StoredTensor][] {
  return parameterSlices(layout).map((slice) => {
    const values = flat.subarray(slice.offset, slice.offset + slice.size);
    const cell = cellInOrder(layout, slice);
    const stored = cell ? toGateOrder('pytorch', cell, values, kindOf(prefix)) : values;
    return [prefix + tensorName(layout, slice), { shape: slice.shape, values: stored }];
  });
}

/** The flat vector from its tensors. */
export function vectorFromTensors(
  layout: Layout,
  tensors: Tensors,
  prefix: string,
  precision: Precision,
  file: string,
): FloatArray {
  const read = parameterSlices(layout).map((slice) => {
    const values = floatTensor(tensors, prefix + tensorName(layout, slice), slice.shape, precision, file);
    const cell = cellInOrder(layout, slice);
    return { slice, values: cell ? fromGateOrder('pytorch', cell, values, kindOf(prefix)) : values };
  });
  // Only now is it known that the file has as many numbers.
  const count = parameterCount(layout);
  const flat = precision === 'float64' ? new Float64Array(count) : new Float32Array(count);
  for (const { slice, values } of read) flat.set(values, slice.offset);
  return flat;
}

/** A tensor of numbers in the precision, with exactly this shape. */
export function floatTensor(
  tensors: Tensors,
  name: string,
  shape: readonly number[],
  precision: Precision,
  file: string,
): FloatArray {
  return precision === 'float64'
    ? typedTensor(tensors, name, shape, Float64Array, file)
    : typedTensor(tensors, name, shape, Float32Array, file);
}

/** A tensor with exactly this type and shape; a `null` length may be anything. */
export function typedTensor<T extends TensorArray>(
  tensors: Tensors,
  name: string,
  shape: readonly (number | null)[],
  type: new (...args: never[]) => T,
  file: string,
): T {
  const tensor = tensors.get(name);
  if (!tensor) throw malformed(file, `it has no tensor ${name}`);
  if (!(tensor.values instanceof type)) throw malformed(file, `tensor ${name} is not of ${type.name}`);
  const fits =
    tensor.shape.length === shape.length &&
    shape.every((length, axis) => length === null || tensor.shape[axis] === length);
  if (!fits) {
    const expected = shape.map((length) => length ?? '?').join(', ');
    throw malformed(file, `tensor ${name} is [${tensor.shape.join(', ')}], expected [${expected}]`);
  }
  return tensor.values;
}

/** 64-bit integers as numbers. */
export function safeIntegers(values: BigInt64Array, name: string, file: string): number[] {
  return Array.from(values, (value) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw malformed(file, `tensor ${name} holds ${value}`);
    return number;
  });
}

export function malformed(file: string, what: string): CheckpointError {
  return new CheckpointError('checkpoint-malformed', `${file}: ${what}. The file is damaged.`);
}
