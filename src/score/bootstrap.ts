/**
 * A confidence interval for the difference between two models: the paired bootstrap (Efron 1979; Koehn 2004 for language models).
 *
 * Neighbouring characters are not independent. So the bootstrap resamples whole blocks of text, which are long compared to the
 * correlation of the losses. Both models are measured on the same blocks, so a block that is hard for both does not affect the result.
 */
import { MersenneTwister } from '../util/mersenne-twister.ts';

export interface Interval {
  /** The mean over all blocks. */
  readonly mean: number;
  /** 95% of the resampled means are between `low` and `high`. */
  readonly low: number;
  readonly high: number;
  /** The fraction of the resampled means that are below zero. */
  readonly below: number;
}

export interface PairedBlocks {
  /** For each block, the loss of the first model minus that of the second. */
  readonly differences: Float64Array;
  /** The weight of each block: its number of characters. */
  readonly sizes: Float64Array;
}

/** How often the blocks are resampled. */
const RESAMPLES = 10_000;

/** The mean difference per character, with its interval. The same seed gives the same result. */
export function pairedBootstrap({ differences, sizes }: PairedBlocks, seed = 1): Interval {
  const random = new MersenneTwister(seed);
  const blocks = differences.length;
  const means = new Float64Array(RESAMPLES);
  for (let draw = 0; draw < RESAMPLES; draw++) {
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
    low: means[Math.floor(0.025 * RESAMPLES)] as number,
    high: means[Math.ceil(0.975 * RESAMPLES) - 1] as number,
    below: means.filter((mean) => mean < 0).length / RESAMPLES,
  };
}
