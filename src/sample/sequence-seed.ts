/** The seeds of texts that are sampled from one seed. */
import { mix32 } from '../util/mix32.ts';

/** 2³² divided by the golden ratio: neighbouring indices get seeds that are far apart. */
const STRIDE = 0x9e3779b9;

/**
 * The seed of text `k`: for k = 0 the seed itself, else mix32(mix32(seed) + k·0x9e3779b9), with the hash of `util/mix32.ts`.
 */
export function sequenceSeed(seed: number, k: number): number {
  return k === 0 ? seed : mix32((mix32(seed) + Math.imul(k, STRIDE)) | 0);
}
