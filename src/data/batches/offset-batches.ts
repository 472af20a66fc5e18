/**
 * Training batches whose rows begin at a different position in each epoch, so that the text is not always cut at the same places.
 *
 * The text is taken as a ring of N tokens. In epoch e, row r begins at token (o + r·N/B) mod N, where o is a hash of the seed and e. The state of
 * every row is reset there, and where the ring closes.
 */
import { mix32 } from '../../util/mix32.ts';
import type { Batch, BatchSource, TokenReader } from './batches.ts';
import type { Cuts } from './cuts.ts';
import { makeRowArrays, type RowArrays, writeRow } from './row-arrays.ts';
import type { Rows } from './row-batches.ts';

export class OffsetBatches implements BatchSource {
  readonly count: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly longest: number;
  readonly #ring: Rows;
  readonly #cuts: Cuts;
  readonly #seed: number;
  readonly #arrays: (T: number) => RowArrays;
  /** One for each row, so that every row is read ahead. */
  readonly #readers: readonly TokenReader[];

  constructor(ring: Rows, B: number, cuts: Cuts, seed: number) {
    this.batchSize = B;
    this.sequenceLength = cuts.mean;
    this.longest = cuts.longest;
    this.count = cuts.count;
    this.#ring = ring;
    this.#cuts = cuts;
    this.#seed = seed;
    this.#arrays = makeRowArrays(B, cuts.longest);
    this.#readers = Array.from({ length: B }, () => ring.tokens.reader());
  }

  /** The token at which the first row of an epoch begins, from 0 to N − 1. */
  #shift(epoch: number): number {
    return Math.floor((mix32(mix32(this.#seed) ^ epoch) / 2 ** 32) * this.#ring.length);
  }

  async batch(index: number, epoch = 0): Promise<Batch> {
    if (index < 0 || index >= this.count) throw new RangeError(`batch ${index} of ${this.count}`);
    const { batchSize: B } = this;
    const { length } = this.#ring;
    const { start, steps } = this.#cuts.sequence(index, epoch);
    const arrays = this.#arrays(steps);
    const shift = this.#shift(epoch);
    for (let r = 0; r < B; r++) {
      await this.#read(r, (shift + (r * length) / B + start) % length, arrays);
      if (index === 0) arrays.starts[0] = 1;
      writeRow(arrays, r, B);
    }
    const { inputs, targets, resets } = arrays.batch;
    // A batch without resets is cheaper.
    return resets.includes(1) ? arrays.batch : { inputs, targets };
  }

  /** Reads a row's T + 1 tokens and the places where its state is reset. */
  async #read(r: number, from: number, { row, starts }: RowArrays): Promise<void> {
    const { tokens, offset, length } = this.#ring;
    const reader = this.#readers[r] as TokenReader;
    // Without documents, readers leave the array as it is.
    starts.fill(0);
    const before = Math.min(row.length, length - from);
    const flags = (begin: number, end?: number) =>
      tokens.hasDocuments ? starts.subarray(begin, end) : undefined;
    await reader.read(offset + from, row.subarray(0, before), flags(0, before));
    if (from === 0) starts[0] = 1;
    if (before === row.length) return;
    await reader.read(offset, row.subarray(before), flags(before));
    starts[before] = 1;
  }
}
