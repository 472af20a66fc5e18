/** The batches that training and evaluation read. B rows, T steps. */

/** Reads tokens. Sequential reads are fastest. */
export interface TokenReader {
  /**
   * Fills `into` with the tokens that start at `offset`. Resolves immediately if they are in memory.
   *
   * @param starts As long as `into`. Receives 1 for each token that begins a document and 0 for the others.
   */
  read(offset: number, into: Int32Array, starts?: Uint8Array): Promise<void>;
}

/** A sequence of tokens that may be larger than memory. */
export interface TokenSource extends TokenReader {
  readonly length: number;
  /** Whether the starts of documents are known. */
  readonly hasDocuments: boolean;
  /** A reader with its own position. Each of several rows that are read alternately needs one. */
  reader(): TokenReader;
}

/** One sequence of each row. All batches of a source have B rows; their steps T can differ. */
export interface Batch {
  /** Token ids [T, B], time first: the token of step t in row b is at t·B + b. */
  readonly inputs: Int32Array;
  /** The token that follows each input, [T, B]. */
  readonly targets: Int32Array;
  /** [T, B]: 1 where a document begins, which resets the state to zero before that step. Absent: no document begins. */
  readonly resets?: Uint8Array | undefined;
}

/** The batches of one split, in order. Row b of a batch continues row b of the previous batch. */
export interface BatchSource {
  /** Number of batches. 0 for an empty split. */
  readonly count: number;
  readonly batchSize: number;
  /** Steps of a batch; the mean, if lengths vary. */
  readonly sequenceLength: number;
  /** Steps of the longest batch. */
  readonly longest: number;
  /**
   * The batch with an index from 0 to count − 1. Its arrays are valid until the next call.
   *
   * @param epoch The number of the epoch, from 0. A source may arrange and cut its rows differently in each epoch.
   */
  batch(index: number, epoch?: number): Promise<Batch>;
}

export type SplitName = 'train' | 'validation' | 'test';
export type Splits = Readonly<Record<SplitName, BatchSource>>;
