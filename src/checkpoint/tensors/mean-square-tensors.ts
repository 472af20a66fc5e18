/** Stores the mean square of the gradient, which dynamic evaluation uses. */
import type { FloatArray, Precision } from '../../engine/engine.ts';
import type { Layout } from '../../engine/layout.ts';
import { malformed } from '../errors.ts';
import type { TensorInFile, TensorToStore } from '../safetensors/safetensors.ts';
import { vectorFromTensors, vectorNames, vectorTensors } from './tensors.ts';

const PREFIX = 'mean_square.';

export function meanSquareTensors(
  layout: Layout,
  meanSquare: FloatArray | undefined,
): [string, TensorToStore][] {
  return meanSquare ? vectorTensors(layout, meanSquare, PREFIX) : [];
}

/**
 * The inverse; undefined if any of these tensors is missing, because another program may have dropped it.
 *
 * @throws {CheckpointError} `checkpoint-malformed` for other shapes, or a number that is negative or not finite
 */
export function decodeMeanSquare(
  layout: Layout,
  tensors: ReadonlyMap<string, TensorInFile>,
  precision: Precision,
  file: string,
): FloatArray | undefined {
  if (!vectorNames(layout, PREFIX).every((name) => tensors.has(name))) return undefined;
  const meanSquare = vectorFromTensors(layout, tensors, PREFIX, precision, file);
  const isSound = meanSquare.every((square) => Number.isFinite(square) && square >= 0);
  if (!isSound)
    throw malformed(file, 'its mean squared gradient has a number that is negative or not finite');
  return meanSquare;
}
