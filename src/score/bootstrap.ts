/**
 * How sure a difference between two models is: the paired bootstrap (Efron 1979; Koehn 2004 for comparing models of language).
 *
 * Neighbouring characters are not independent, so what is drawn again are whole blocks of text, long against the length over which
 * losses go together. Both models are measured on the same blocks: that a block is hard for both does not count.
 */
import { MersenneTwister } from '../util/mersenne-twister.ts';

export interface Interval {
  /** Of all that was measured. */
  readonly mean: number;
  /** 95% of the drawn means lie between these. */
  readonly low: number;
  readonly high: number;
  /** Share of the drawn means that are below zero. */
  readonly below: number;
}

export interface PairedBlocks {
  /** Loss of each block under the first model less that under the second. */
  readonly differences: Float64Array;
  /** What each block counts: its characters. */
  readonly sizes: Float64Array;
}

const DRAWS = 10_000;

/** The mean difference a character, with its interval; the same for the same seed. */
export function pairedBootstrap({ differences, sizes }: PairedBlocks, seed = 1): Interval {
  const random = new MersenneTwister(seed);
  const blocks = differences.length;
  const means = new Float64Array(DRAWS);
  for (let draw = 0; draw < DRAWS; draw++) {
    let difference = 0;
    let size = 0;
    for (let i = 0; i < blocks; i++) {
      const block = Math.floor(random.nextUniform() * blocks);
      difference += differences[block] as number;
      size += sizes[block] as number;
    }
    means[draw] = difference / size;
  }
  means.sort();
  const total = differences.reduce((sum, value) => sum + value, 0);
  return {
    mean: total / sizes.reduce((sum, value) => sum + value, 0),
    low: means[Math.floor(0.025 * DRAWS)] as number,
    high: means[Math.ceil(0.975 * DRAWS) - 1] as number,
    below: means.filter((mean) => mean < 0).length / DRAWS,
  };
}
