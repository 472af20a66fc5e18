/** Whether a model computes with int8 weights. */
import type { Precision, Quantization } from '../engine/engine.ts';
import { OptionError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';

/** The values of the option `quantize`. */
export type QuantizeOption = Quantization | 'none';

/**
 * How to store the weights on an engine: as asked, by default as in the checkpoint's file. Undefined: as floats.
 *
 * @throws {OptionError} for int8 in another precision than float32
 */
export function quantizationOf(
  { weightTypes = [] }: Pick<Checkpoint, 'weightTypes'>,
  asked: QuantizeOption | undefined,
  precision: Precision | undefined,
): Quantization | undefined {
  if (asked === 'int8' && precision === 'float64')
    throw new OptionError('quantize', 'got int8, which is computed in float32, but `precision` is float64');
  const isStored = weightTypes.includes('int8') && precision !== 'float64';
  return asked === 'int8' || (asked === undefined && isStored) ? 'int8' : undefined;
}
