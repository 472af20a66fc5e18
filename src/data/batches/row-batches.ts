/** The original's batches: B rows, each of consecutive text. */
import type { Batch, BatchSource, TokenReader, TokenSource } from './batches.ts';
import { writeRow } from './write-row.ts';

/** A part of a token source, cut into B rows. */
export interface Rows {
  readonly tokens: TokenSource;
  /** The first token and the number of tokens, a multiple of B·T. */
  readonly offset: number;
  readonly length: number;
}

/**
 * Batches `first` to `first + count − 1` of the rows.
 *
 * Row r starts at token r·length/B; batch k has its columns k·T … (k+1)·T − 1. The target of a token is the next token of
 * the text. So the last target of a row is the first token of the next row, and for the last row the first token of all.
 */
export class RowBatches implements BatchSource {
  readonly count: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly #rows: Rows;
  readonly #first: number;
  readonly #batch: Batch;
  readonly #row: Int32Array;
  readonly #starts: Uint8Array | undefined;
  /** One for each row, so that every row is read ahead. */
  readonly #readers: readonly TokenReader[];

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
    const { hasDocuments } = rows.tokens;
    this.#batch = {
      inputs: new Int32Array(T * B),
      targets: new Int32Array(T * B),
      resets: hasDocuments ? new Uint8Array(T * B) : undefined,
    };
    this.#row = new Int32Array(T + 1);
    this.#starts = hasDocuments ? new Uint8Array(T + 1) : undefined;
    this.#readers = Array.from({ length: B }, () => rows.tokens.reader());
  }

  async batch(index: number): Promise<Batch> {
    if (index < 0 || index >= this.count) throw new RangeError(`batch ${index} of ${this.count}`);
    const { tokens, offset, length } = this.#rows;
    const { batchSize: B, sequenceLength: T } = this;
    const row = this.#row;
    const starts = this.#starts;
    for (let r = 0; r < B; r++) {
      const start = (r * length) / B + (this.#first + index) * T;
      const wraps = start + T === length;
      const reader = this.#readers[r] as TokenReader;
      await reader.read(
        offset + start,
        wraps ? row.subarray(0, T) : row,
        wraps ? starts?.subarray(0, T) : starts,
      );
      if (wraps) await tokens.read(offset, row.subarray(T));
      writeRow(this.#batch, r, B, row, starts);
    }
    return this.#batch;
  }
}
