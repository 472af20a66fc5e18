/**
 * The random numbers of dropout masks: a hash of (seed, iteration, stream, row, step, unit).
 *
 * Any element's number can be computed by itself, in any order and on any engine, so masks are never stored and do not
 * depend on the batch. Each coordinate is mixed in by one round of a 32-bit integer hash (two multiplications and three
 * xor-shifts; constants of C. Wellons' "lowbias32", 2018, public domain).
 */
import { mix32 } from '../util/mix32.ts';
import type { Dropout } from './engine.ts';

/** The key of one application of dropout. */
export function dropoutKey({ seed, iteration, stream }: Dropout): number {
  return mix32(mix32(mix32(seed) ^ iteration) + stream);
}

/** The key of one row at one step (`step` is 0 where the mask is one for the sequence). */
export function positionKey(key: number, row: number, step: number): number {
  return mix32(mix32(key ^ row) + step);
}

/** Whether a unit is kept, given its position's key and `dropThreshold`. */
export function keeps(position: number, unit: number, threshold: number): boolean {
  return mix32(position + unit) >= threshold;
}

/** Numbers below this drop their unit. */
export function dropThreshold(probability: number): number {
  return Math.floor(probability * 2 ** 32);
}
