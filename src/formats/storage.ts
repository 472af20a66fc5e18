/** Where checkpoints go: a folder in Node, memory or a download in a page. */

/** Which checkpoint a stored file is. */
export interface CheckpointIdentity {
  readonly runId: string;
  readonly iteration: number;
}

export interface CheckpointStorage {
  /** What to call it to people: a folder's path. */
  readonly place: string;
  /**
   * Makes sure that checkpoints can be written, before any training.
   *
   * @throws {CheckpointError} `checkpoint-unwritable`
   */
  prepare(): Promise<void>;
  /** What stands under a name: a checkpoint, some other file, or nothing. */
  identify(name: string): Promise<CheckpointIdentity | 'other' | undefined>;
  /**
   * Stores the parts, one after the other, under a name, whole or not at all. An earlier file of that name is replaced.
   *
   * @returns where it is, to be shown to people and opened again
   * @throws {CheckpointError} `checkpoint-save-failed`; what stood under the name before is untouched
   */
  save(name: string, parts: Iterable<Uint8Array>): Promise<string>;
  /** Takes away what `save` said is there; that it is gone already is no error. */
  remove(path: string): Promise<void>;
}
