/** Batches of a split: what training and evaluation read. Dimension letters: B rows, T steps. */

/** Reads tokens; fastest where each call goes on from the one before. */
export interface TokenReader {
  /**
   * Fills `into` with the tokens from `offset` on. Resolves at once where they are in memory.
   *
   * @param starts As long as `into`: receives 1 for each token that begins a document, else 0.
   */
  read(offset: number, into: Int32Array, starts?: Uint8Array): Promise<void>;
}

/** A sequence of tokens that may be larger than memory. */
export interface TokenSource extends TokenReader {
  readonly length: number;
  /** Whether documents are told apart. */
  readonly hasDocuments: boolean;
  /** A reader with a place of its own, for one of several streams that are read side by side. */
  reader(): TokenReader;
}

export interface Batch {
  /** Token ids [T, B], time first: the token of step t in row b is at t·B + b. */
  readonly inputs: Int32Array;
  /** The token that follows each input, [T, B]. */
  readonly targets: Int32Array;
  /** [T, B]: 1 where a document begins, so that the state before the step is zero. Absent: nowhere. */
  readonly resets?: Uint8Array | undefined;
}

/** The batches of one split, in order; row b of a batch continues row b of the one before. */
export interface BatchSource {
  /** Number of batches. 0 for an empty split. */
  readonly count: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** The batch with an index from 0 to count − 1. Its arrays are valid until the next call. */
  batch(index: number): Promise<Batch>;
}

export type SplitName = 'train' | 'validation' | 'test';
export type Splits = Readonly<Record<SplitName, BatchSource>>;
