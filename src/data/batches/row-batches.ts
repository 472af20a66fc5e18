/** The original's batches: B rows, each of consecutive text. */
import type { Batch, BatchSource, TokenReader, TokenSource } from './batches.ts';
import type { Cuts } from './cuts.ts';
import { makeRowArrays, type RowArrays, writeRow } from './row-arrays.ts';

/** A part of a token source, cut into B rows. */
export interface Rows {
  readonly tokens: TokenSource;
  /** The first token and the number of tokens, a multiple of B·T. */
  readonly offset: number;
  readonly length: number;
}

/**
 * The batches of some rows. Each has one sequence of every row.
 *
 * Row r starts at token r·length/B. The target of a token is the next token of the text. So the last target of a row is the first token of
 * the next row; that of the last row is the first token of the first row.
 */
export class RowBatches implements BatchSource {
  readonly count: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly longest: number;
  readonly #rows: Rows;
  readonly #cuts: Cuts;
  readonly #arrays: (T: number) => RowArrays;
  /** One for each row, so that every row is read ahead. */
  readonly #readers: readonly TokenReader[];

  constructor(rows: Rows, B: number, cuts: Cuts) {
    this.batchSize = B;
    this.sequenceLength = cuts.mean;
    this.longest = cuts.longest;
    this.count = cuts.count;
    this.#rows = rows;
    this.#cuts = cuts;
    this.#arrays = makeRowArrays(B, cuts.longest);
    this.#readers = Array.from({ length: B }, () => rows.tokens.reader());
  }

  async batch(index: number, epoch = 0): Promise<Batch> {
    if (index < 0 || index >= this.count) throw new RangeError(`batch ${index} of ${this.count}`);
    const { tokens, offset, length } = this.#rows;
    const { batchSize: B } = this;
    const sequence = this.#cuts.sequence(index, epoch);
    const T = sequence.steps;
    const arrays = this.#arrays(T);
    const { row } = arrays;
    const starts = tokens.hasDocuments ? arrays.starts : undefined;
    for (let r = 0; r < B; r++) {
      const start = (r * length) / B + sequence.start;
      const wraps = start + T === length;
      const reader = this.#readers[r] as TokenReader;
      await reader.read(
        offset + start,
        wraps ? row.subarray(0, T) : row,
        wraps ? starts?.subarray(0, T) : starts,
      );
      if (wraps) await tokens.read(offset, row.subarray(T));
      writeRow(arrays, r, B);
    }
    const { inputs, targets } = arrays.batch;
    return tokens.hasDocuments ? arrays.batch : { inputs, targets };
  }
}
