/** The original's batches: B rows of consecutive text, read side by side. */
import type { Batch, BatchSource, TokenSource } from './batches.ts';

/** A part of a token source, cut into B rows. */
export interface Rows {
  readonly tokens: TokenSource;
  /** First token, and number of tokens: a multiple of B·T. */
  readonly offset: number;
  readonly length: number;
}

/**
 * Batches `first` to `first + count − 1` of the rows.
 *
 * Row r holds the tokens from r·length/B on; batch k its columns k·T … (k+1)·T − 1. The target of a token is the next one
 * of the whole text, so a row ends with the first token of the next row as a target, and the last row with the text's first.
 */
export class RowBatches implements BatchSource {
  readonly count: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly #rows: Rows;
  readonly #first: number;
  readonly #batch: Batch;
  readonly #row: Int32Array;

  constructor(
    rows: Rows,
    shape: { readonly batchSize: number; readonly sequenceLength: number },
    first: number,
    count: number,
  ) {
    const { batchSize: B, sequenceLength: T } = shape;
    this.batchSize = B;
    this.sequenceLength = T;
    this.count = count;
    this.#rows = rows;
    this.#first = first;
    this.#batch = { inputs: new Int32Array(T * B), targets: new Int32Array(T * B) };
    this.#row = new Int32Array(T + 1);
  }

  async batch(index: number): Promise<Batch> {
    if (index < 0 || index >= this.count) throw new RangeError(`batch ${index} of ${this.count}`);
    const { tokens, offset, length } = this.#rows;
    const { batchSize: B, sequenceLength: T } = this;
    const { inputs, targets } = this.#batch;
    for (let r = 0; r < B; r++) {
      const start = (r * length) / B + (this.#first + index) * T;
      const wraps = start + T === length;
      await tokens.read(offset + start, wraps ? this.#row.subarray(0, T) : this.#row);
      if (wraps) await tokens.read(offset, this.#row.subarray(T));
      for (let t = 0; t < T; t++) {
        inputs[t * B + r] = this.#row[t] as number;
        targets[t * B + r] = this.#row[t + 1] as number;
      }
    }
    return this.#batch;
  }
}
