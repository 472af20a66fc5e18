/** Where checkpoints are stored: a folder in Node, memory in a page. */

/** The run and iteration of a stored checkpoint. */
export interface CheckpointIdentity {
  readonly runId: string;
  readonly iteration: number;
}

/** Whether two checkpoints are of the same run and iteration. */
export function isSameCheckpoint(a: CheckpointIdentity, b: CheckpointIdentity): boolean {
  return a.runId === b.runId && a.iteration === b.iteration;
}

export interface StoredCheckpoint extends CheckpointIdentity {
  /** As returned by `save`. */
  readonly path: string;
}

export interface CheckpointStorage {
  /** Its name in messages: a folder's path. */
  readonly place: string;
  /** Why it is not the requested place, if so. */
  readonly insteadOf?: string | undefined;
  /**
   * Ensures, before training begins, that checkpoints can be written and that nobody else writes there until `close`.
   *
   * @throws {CheckpointError} `checkpoint-unwritable`, `checkpoint-locked`
   */
  prepare(): Promise<void>;
  /** Lets others write there again. Does nothing without `prepare`. */
  close(): Promise<void>;
  /** The run and iteration of the checkpoint with a name; `other` for any other file; undefined if nothing has the name. */
  identify(name: string): Promise<CheckpointIdentity | 'other' | undefined>;
  /** The checkpoints with a training state, oldest first, without the pointers `best` and `last`. */
  list(): Promise<StoredCheckpoint[]>;
  /**
   * Stores the concatenated parts under a name, completely or not at all. Replaces an earlier file of that name.
   *
   * @returns its path, for messages and for opening it again
   * @throws {CheckpointError} `checkpoint-save-failed`; the earlier file is untouched
   */
  save(name: string, parts: Iterable<Uint8Array>): Promise<string>;
  /**
   * Makes a name a pointer to a stored checkpoint. At any moment it points to a complete checkpoint, either the earlier or the new one.
   *
   * @param path As returned by `save`.
   * @throws {CheckpointError} `checkpoint-missing` if the checkpoint no longer exists; `checkpoint-save-failed`. The earlier pointer is
   *   untouched.
   */
  point(name: string, path: string): Promise<void>;
  /** Deletes a file returned by `save`. It is no error if it no longer exists. */
  remove(path: string): Promise<void>;
}
