/** Matrices in int8: a tensor of levels, I8 [rows, columns], and one with the scale of each row, F32 [rows]. */
import type { FloatArray } from '../../engine/engine.ts';
import { dequantized, quantizeRows } from '../../engine/int8.ts';
import { malformed } from '../errors.ts';
import { INT8 } from '../safetensors/number-types.ts';
import type { TensorInFile, TensorToStore } from '../safetensors/safetensors.ts';

/** The name of the scales of a matrix. */
export const scaleName = (name: string) => `${name}.scale`;

export function isInt8(tensor: TensorInFile | undefined): boolean {
  return tensor?.type === INT8;
}

/** The same tensors; those whose values have been read stay in memory, so that the file may be closed. */
export function keptTensors(tensors: ReadonlyMap<string, TensorInFile>): ReadonlyMap<string, TensorInFile> {
  const kept = new Map<string, TensorInFile>();
  for (const [name, tensor] of tensors) {
    let values: TensorInFile['values'] | undefined;
    kept.set(name, {
      type: tensor.type,
      shape: tensor.shape,
      get values() {
        values ??= tensor.values;
        return values;
      },
    });
  }
  return kept;
}

/** The two tensors of a matrix, whose rows are in the order of the file. */
export function int8Tensors(
  name: string,
  shape: readonly number[],
  values: FloatArray,
): [string, TensorToStore][] {
  const [rows = 0, columns = 0] = shape;
  const { levels, scales } = quantizeRows(Float32Array.from(values), rows, columns);
  return [
    [name, { shape, values: levels }],
    [scaleName(name), { shape: [rows], values: scales }],
  ];
}

/**
 * The numbers of a matrix, level · scale.
 *
 * @throws {CheckpointError} `checkpoint-malformed` unless all scales are positive and finite, and all levels at least −127
 */
export function int8Values(
  name: string,
  levels: TensorInFile,
  scales: TensorInFile,
  file: string,
): Float32Array {
  const matrix = { levels: levels.values as Int8Array, scales: scales.values as Float32Array };
  if (!matrix.scales.every((scale) => scale > 0 && Number.isFinite(scale)))
    throw malformed(file, `tensor ${scaleName(name)} has a scale that is not a positive number`);
  if (matrix.levels.includes(-128))
    throw malformed(file, `tensor ${name} has the level -128, expected -127 to 127`);
  return dequantized(matrix);
}
