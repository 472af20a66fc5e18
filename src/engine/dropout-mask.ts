/**
 * The random numbers of dropout masks: a hash of (seed, batch, site, row, step, unit). `TrainingRun` gives the seed and the number of the
 * batch, `model/network.ts` the site.
 *
 * The number of each element can be computed independently, in any order and on any engine, so masks are never stored and do not depend on
 * the number of rows. Each coordinate is mixed in by one round of a 32-bit integer hash: two multiplications and three xor-shifts, with the
 * constants of C. Wellons' "lowbias32" (2018, public domain).
 *
 * The engines apply the masks: `reference/dropout.ts` in TypeScript, `native/kernels/dropout.h` in C++. `train/run/state-resets.ts` uses
 * the same hash to draw which rows are reset to a zero state.
 */
import { mix32 } from '../util/mix32.ts';
import type { Dropout } from './engine.ts';

/** The key of one application of dropout. */
export function dropoutKey({ seed, batch, site }: Dropout): number {
  return mix32(mix32(mix32(seed) ^ batch) + site);
}

/** The key of one row at one step. With one mask for the whole sequence, `step` is 0. */
export function positionKey(key: number, row: number, step: number): number {
  return mix32(mix32(key ^ row) + step);
}

/** Whether a unit is kept. @param position The key of its row and step. @param threshold See `dropThreshold`. */
export function keeps(position: number, unit: number, threshold: number): boolean {
  return mix32(position + unit) >= threshold;
}

/** Units with a hash below this are dropped. */
export function dropThreshold(probability: number): number {
  return Math.floor(probability * 2 ** 32);
}
