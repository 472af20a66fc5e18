/** Names, shapes and gate orders of the tensors in a checkpoint. */
import type { FloatArray, Precision } from '../engine/engine.ts';
import { type Layout, type ParameterSlice, parameterCount, parameterSlices } from '../engine/layout.ts';
import { CheckpointError } from '../errors.ts';
import { exchangeLstmGates } from './gates.ts';
import type { StoredTensor, TensorArray } from './safetensors.ts';

type Tensors = ReadonlyMap<string, StoredTensor>;

/**
 * The name of a parameter tensor: `nn.LSTM`'s and `nn.RNN`'s, `gru_v1.…` for a gru whose reset acts before the product
 * (which `nn.GRU` does not have), `decoder.…`.
 */
function tensorName(layout: Layout, { module, name }: ParameterSlice): string {
  const owner = layout[module];
  if (owner?.kind !== 'recurrent') return `${owner?.name}.${name}`;
  return `${owner.cell === 'gru' ? 'gru_v1' : 'rnn'}.${name}_l${module}`;
}

function isLstm(layout: Layout, { module }: ParameterSlice): boolean {
  const owner = layout[module];
  return owner?.kind === 'recurrent' && owner.cell === 'lstm';
}

/** The tensors of a flat vector (parameters or moments), under names that start with `prefix`. */
export function vectorTensors(layout: Layout, flat: FloatArray, prefix: string): [string, StoredTensor][] {
  return parameterSlices(layout).map((slice) => {
    const values = flat.subarray(slice.offset, slice.offset + slice.size);
    const stored = isLstm(layout, slice) ? exchangeLstmGates(values) : values;
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
    return { slice, values: isLstm(layout, slice) ? exchangeLstmGates(values) : values };
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
