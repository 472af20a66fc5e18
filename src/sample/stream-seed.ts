/** The seeds of samples that are drawn side by side. */
import { mix32 } from '../util/mix32.ts';

/** 2³² divided by the golden ratio: neighbouring numbers of streams end up far apart. */
const STRIDE = 0x9e3779b9;

/**
 * The seed of sample `k` of a seed: the seed itself for k = 0, else mix32(mix32(seed) + k·0x9e3779b9), by the hash of
 * `util/mix32.ts`.
 */
export function streamSeed(seed: number, k: number): number {
  return k === 0 ? seed : mix32((mix32(seed) + Math.imul(k, STRIDE)) | 0);
}
