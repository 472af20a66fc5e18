/** Statistics of a checkpoint's tensors. */
import type { Checkpoint } from './checkpoint.ts';
import { checkpointTensors } from './codec.ts';
import { type ArrayType, type NumberType, numberType } from './safetensors/number-types.ts';
import type { WeightType } from './stored-precision.ts';

export interface TensorStatistics {
  /** The name in docs/checkpoints.md, whatever the format of the file. */
  readonly name: string;
  readonly shape: readonly number[];
  /** The type in the file. */
  readonly type: NumberType | WeightType;
  /** Absent for integers and empty tensors. */
  readonly numbers?: NumberStatistics | undefined;
}

export interface NumberStatistics {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Standard deviation of the numbers themselves (not an estimate from a sample). */
  readonly std: number;
  /** √Σx². */
  readonly norm: number;
}

/** The tensors of a checkpoint, named and ordered as in our own file format. */
export function tensorStatistics(checkpoint: Checkpoint): TensorStatistics[] {
  const { weightTypes = [] } = checkpoint;
  // The parameters come first.
  return Array.from(checkpointTensors(checkpoint).tensors, ([name, { shape, values, pieces }], index) => {
    const floats = (pieces?.() ?? [values]).filter(
      (piece) => piece instanceof Float32Array || piece instanceof Float64Array,
    );
    const numbers = floats.length > 0 && values.length > 0 ? statisticsOf(floats) : undefined;
    const type = weightTypes[index] ?? numberType(values.constructor as ArrayType);
    return { name, shape, type, ...(numbers && { numbers }) };
  });
}

/** Computes in double precision, in two passes: deviations from the mean are squared only once the mean is known. */
function statisticsOf(pieces: readonly (Float32Array | Float64Array)[]): NumberStatistics {
  let [count, min, max] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let [sum, squares, deviations] = [0, 0, 0];
  for (const piece of pieces) {
    count += piece.length;
    for (const value of piece) {
      if (value < min) min = value;
      if (value > max) max = value;
      sum += value;
      squares += value * value;
    }
  }
  const mean = sum / count;
  for (const piece of pieces) for (const value of piece) deviations += (value - mean) ** 2;
  return { min, max, mean, std: Math.sqrt(deviations / count), norm: Math.sqrt(squares) };
}
