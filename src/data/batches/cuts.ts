/** Cuts rows into sequences. In a batch, the sequences of all rows begin at the same position of their row and have the same length. */
import { mix32 } from '../../util/mix32.ts';

/** A sequence of a row: its first token, counted from the beginning of the row, and its steps. */
export interface Sequence {
  readonly start: number;
  readonly steps: number;
}

export interface Cuts {
  /** Sequences in each row. */
  readonly count: number;
  /** The mean number of steps. */
  readonly mean: number;
  /** The largest number of steps. */
  readonly longest: number;
  /** The sequence with an index from 0 to count − 1, in an epoch. */
  sequence(index: number, epoch: number): Sequence;
}

/** Sequences `first` to `first + count − 1` of T steps each, as in the original. */
export function equalCuts(T: number, first: number, count: number): Cuts {
  return { count, mean: T, longest: T, sequence: (index) => ({ start: (first + index) * T, steps: T }) };
}

/** Maximum standard deviation of the lengths of long sequences. For T below 50, it is T/10. */
const DEVIATION = 5;
/** The share of sequences that have half the length of the others. */
const SHORT = 0.05;

/**
 * Cuts of random lengths, as in AWD-LSTM (Merity et al. 2018), but with a mean of exactly T. So an epoch has as many batches as with
 * equal lengths, and its last sequence ends at the end of the row.
 *
 * With R steps and m sequences to go, a length is drawn around 40/39 · R/m with a probability of 95%, else around half of that; the mean is
 * R/m. The deviation is 2(u₁ + u₂ + u₃) − 3 standard deviations, where the u are uniform in [0, 1): it is within ±3, and needs no function
 * whose results differ between JavaScript engines. The last sequence takes what is left. All random numbers are hashes of the seed, the epoch
 * and the index.
 */
export class RandomCuts implements Cuts {
  readonly count: number;
  readonly mean: number;
  readonly longest: number;
  readonly #shortest: number;
  readonly #deviation: number;
  readonly #seed: number;
  /** The first token of each sequence in an epoch, and the end of the last one. */
  #known: { readonly epoch: number; readonly starts: Float64Array } | undefined;

  /** @param T The mean length. @param count Sequences in each row of count·T tokens. */
  constructor(T: number, count: number, seed: number) {
    this.count = count;
    this.mean = T;
    this.#seed = seed;
    this.#deviation = Math.min(DEVIATION, T / 10);
    const { long, short } = centers(T);
    this.longest = Math.ceil(long + 3 * this.#deviation);
    this.#shortest = Math.max(1, Math.floor(short - 3 * this.#deviation));
  }

  sequence(index: number, epoch: number): Sequence {
    if (this.#known?.epoch !== epoch) this.#known = { epoch, starts: this.#startsIn(epoch) };
    const { starts } = this.#known;
    const start = starts[index] as number;
    return { start, steps: (starts[index + 1] as number) - start };
  }

  #startsIn(epoch: number): Float64Array {
    const { count, longest } = this;
    const shortest = this.#shortest;
    const starts = new Float64Array(count + 1);
    const end = count * this.mean;
    const key = mix32(mix32(mix32(this.#seed) ^ epoch) + 1);
    for (let index = 0; index < count; index++) {
      const start = starts[index] as number;
      const left = end - start;
      const later = count - index - 1;
      const own = mix32(key ^ index);
      const uniform = (number: number) => mix32(own + number) / 2 ** 32;
      const { long, short } = centers(left / (later + 1));
      const drawn =
        (uniform(0) < SHORT ? short : long) +
        (2 * (uniform(1) + uniform(2) + uniform(3)) - 3) * this.#deviation;
      // The later sequences must be able to fill the row, and must fit in it.
      const least = Math.max(shortest, left - later * longest);
      const most = Math.min(longest, left - later * shortest);
      starts[index + 1] = start + Math.min(most, Math.max(least, Math.round(drawn)));
    }
    return starts;
  }
}

/** The two lengths around which lengths with this mean are drawn. */
function centers(mean: number): { readonly long: number; readonly short: number } {
  const long = mean / (1 - SHORT / 2);
  return { long, short: long / 2 };
}
