/** Dropout of units (called by `recurrent.ts` and the engine) and of weights (by the engine), with the masks of `dropout-mask.ts`. */
import { checkWeightDropout } from '../checks.ts';
import { dropoutKey, dropThreshold, keeps, positionKey } from '../dropout-mask.ts';
import type { Dropout, FloatArray, WeightDropout } from '../engine.ts';
import { floatVectorOf } from './handles.ts';

/** to[position, unit] = from[position, unit] / (1 − p) or 0. The forward and the backward pass are the same. */
export function applyDropout(
  dropout: Dropout,
  from: FloatArray,
  to: FloatArray,
  steps: number,
  rows: number,
  units: number,
) {
  const key = dropoutKey(dropout);
  const threshold = dropThreshold(dropout.probability);
  const scale = 1 / (1 - dropout.probability);
  const firstStep = dropout.firstStep ?? 0;
  for (let step = 0; step < steps; step++) {
    for (let row = 0; row < rows; row++) {
      const position = positionKey(key, row, dropout.perSequence ? 0 : firstStep + step);
      const at = (step * rows + row) * units;
      for (let unit = 0; unit < units; unit++) {
        to[at + unit] = keeps(position, unit, threshold) ? from[at + unit]! * scale : 0;
      }
    }
  }
}

/** Drops weights of a matrix, or all weights of some of its inputs. */
export function dropWeights(call: WeightDropout) {
  const { offset, shape } = checkWeightDropout(call);
  const { data } = floatVectorOf(call.vector);
  const key = dropoutKey(call);
  const threshold = dropThreshold(call.probability);
  const scale = 1 / (1 - call.probability);
  // The first dimension of a look-up table is its input, the token.
  const isTable = call.vector.layout[call.module]?.kind === 'embedding';
  const [rows, columns] = shape as [number, number];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [output, input] = isTable ? [column, row] : [row, column];
      const position = positionKey(key, call.drops === 'weight' ? output : 0, 0);
      const at = offset + row * columns + column;
      data[at] = keeps(position, input, threshold) ? data[at]! * scale : 0;
    }
  }
}
