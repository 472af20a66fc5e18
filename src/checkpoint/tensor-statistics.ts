/** What can be said of the numbers of a checkpoint's tensors without printing them. */
import type { Checkpoint } from './checkpoint.ts';
import { checkpointTensors } from './codec.ts';
import { type ArrayType, type NumberType, numberType } from './safetensors/number-types.ts';

export interface TensorStatistics {
  /** As in docs/checkpoints.md, whatever the file was. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: NumberType;
  /** Absent for whole numbers, and where there are none. */
  readonly numbers?: NumberStatistics | undefined;
}

export interface NumberStatistics {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Standard deviation of all the numbers (not an estimate from a sample). */
  readonly std: number;
  /** √Σx². */
  readonly norm: number;
}

/** The tensors of a checkpoint as its own file format holds them, in that order. */
export function tensorStatistics(checkpoint: Checkpoint): TensorStatistics[] {
  return Array.from(checkpointTensors(checkpoint).tensors, ([name, { shape, values, pieces }]) => {
    const floats = (pieces?.() ?? [values]).filter(
      (piece) => piece instanceof Float32Array || piece instanceof Float64Array,
    );
    const numbers = floats.length > 0 && values.length > 0 ? statisticsOf(floats) : undefined;
    return { name, shape, type: numberType(values.constructor as ArrayType), ...(numbers && { numbers }) };
  });
}

/** In double precision, with the mean known before deviations from it are squared. */
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
