/** Where checkpoints go: a folder in Node, memory or a download in a page. */

/** Which checkpoint a stored file is. */
export interface CheckpointIdentity {
  readonly runId: string;
  readonly iteration: number;
}

export interface StoredCheckpoint extends CheckpointIdentity {
  /** As `save` gave it. */
  readonly path: string;
}

export interface CheckpointStorage {
  /** What to call it to people: a folder's path. */
  readonly place: string;
  /** Why that is another place than the one asked for, if it is. */
  readonly insteadOf?: string | undefined;
  /**
   * Makes sure, before any training, that checkpoints can be written, and that nobody else writes there until `close`.
   *
   * @throws {CheckpointError} `checkpoint-unwritable`, `checkpoint-locked`
   */
  prepare(): Promise<void>;
  /** Lets others write there again. Without `prepare` it does nothing. */
  close(): Promise<void>;
  /** What stands under a name: a checkpoint, some other file, or nothing. */
  identify(name: string): Promise<CheckpointIdentity | 'other' | undefined>;
  /** The checkpoints that are there, with a training state, the one written first first; pointers to the best and the last are none. */
  list(): Promise<StoredCheckpoint[]>;
  /**
   * Stores the parts, one after the other, under a name, whole or not at all. An earlier file of that name is replaced.
   *
   * @returns where it is, to be shown to people and opened again
   * @throws {CheckpointError} `checkpoint-save-failed`; what stood under the name before is untouched
   */
  save(name: string, parts: Iterable<Uint8Array>): Promise<string>;
  /**
   * Makes a name stand for a checkpoint that `save` has stored. At any moment it stands for a whole one, the earlier or the new one.
   *
   * @param path As `save` gave it.
   * @throws {CheckpointError} `checkpoint-missing` where the checkpoint is gone; `checkpoint-save-failed`; what stood under the name
   *   before is untouched
   */
  point(name: string, path: string): Promise<void>;
  /** Takes away what `save` said is there; that it is gone already is no error. */
  remove(path: string): Promise<void>;
}
