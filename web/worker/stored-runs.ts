/** The runs that are stored in this browser, each in a folder of the origin private file system: `runs/ID`. Worker. */

import type { CheckpointStorage } from '../../src/browser.ts';
import {
  isMissing,
  lockFolder,
  opfsFile,
  opfsStorage,
  readOpfsFile,
  writeOpfsFile,
} from '../../src/checkpoint/storage/opfs-storage.ts';

/** What a list of runs shows. */
export interface StoredRun {
  readonly id: string;
  /** The name of its text. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly changed: number;
  readonly iteration: number;
  readonly iterations: number;
  readonly bestLoss: number | undefined;
  /** Bytes of all its files. */
  readonly bytes: number;
}

/** What is written down of a run: all but what its files themselves have. */
export type RunRecord = Omit<StoredRun, 'bytes' | 'changed' | 'id'>;

const RECORD = 'run.json';
const TEXT = 'text.txt';
const LAST = 'last.safetensors';
/** Milliseconds: far more than a run takes to begin after its text was stored. */
const LONG_AGO = 3_600_000;

async function runsFolder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle('runs', { create: true });
}

export class RunFolder {
  readonly id: string;
  readonly #folder: FileSystemDirectoryHandle;
  readonly storage: CheckpointStorage;

  constructor(folder: FileSystemDirectoryHandle) {
    this.id = folder.name;
    this.#folder = folder;
    this.storage = opfsStorage(folder);
  }

  /** @throws {Error} if there is no such run and none is to be made */
  static async open(id: string, options: { create?: boolean } = {}): Promise<RunFolder> {
    try {
      return new RunFolder(await (await runsFolder()).getDirectoryHandle(id, options));
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new Error('this browser no longer has the run: it was deleted, perhaps in another tab.', {
        cause: error,
      });
    }
  }

  async writeText(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    await writeOpfsFile(this.#folder, TEXT, [bytes]);
  }

  /** The text, byte for byte: its hash identifies it. */
  async text(): Promise<Uint8Array> {
    return this.#file(TEXT);
  }

  /** Sets the checkpoint that the run continues from. */
  async writeLast(checkpoint: Uint8Array): Promise<void> {
    await writeOpfsFile(this.#folder, LAST, [checkpoint]);
  }

  async writeRecord(record: RunRecord): Promise<void> {
    const text = JSON.stringify({ ...record, changed: Date.now() });
    await writeOpfsFile(this.#folder, RECORD, [new TextEncoder().encode(text)]);
  }

  async checkpoint(which: 'best' | 'last'): Promise<Uint8Array> {
    return this.#file(`${which}.safetensors`);
  }

  /** Undefined for a folder without a record. */
  async record(): Promise<StoredRun | undefined> {
    const bytes = await readOpfsFile(this.#folder, RECORD);
    if (!bytes) return undefined;
    try {
      const stored = JSON.parse(new TextDecoder().decode(bytes));
      return { ...stored, id: this.id, bytes: await this.#bytes() };
    } catch {
      return undefined;
    }
  }

  /** Of all its files. */
  async #bytes(): Promise<number> {
    let size = 0;
    // The run may go on in another tab, and delete one.
    for await (const handle of this.#folder.values())
      size += (handle.kind === 'file' && (await opfsFile(this.#folder, handle.name))?.size) || 0;
    return size;
  }

  /**
   * Writes the record of a run that has a checkpoint but no record: there was no space for it, or the page was closed in that moment.
   *
   * @returns undefined if the run is going, and so writes its own, or if it has no checkpoint from which it can be continued
   */
  async restoreRecord(): Promise<StoredRun | undefined> {
    const last = await opfsFile(this.#folder, LAST);
    if (!last) return undefined;
    const unlock = await lockFolder(this.#folder, 0).catch(() => undefined);
    try {
      if (!unlock) return undefined;
      // Another tab may have written it meanwhile, with the name of its text.
      const written = await this.record();
      if (written) return written;
      const record = await (await import('./found-run.ts')).foundRecord(this);
      if (!record) return undefined;
      // Without space for it, the next list tries again.
      await this.writeRecord(record).catch(() => {});
      return { ...record, changed: last.lastModified, id: this.id, bytes: await this.#bytes() };
    } finally {
      unlock?.();
    }
  }

  /** Whether it has a text that was stored long ago, and no checkpoint. In a newer folder, a run may be about to begin. */
  async isLeftOver(): Promise<boolean> {
    if (await opfsFile(this.#folder, LAST)) return false;
    const text = await opfsFile(this.#folder, TEXT);
    return text !== undefined && Date.now() - text.lastModified > LONG_AGO;
  }

  async #file(name: string): Promise<Uint8Array> {
    const bytes = await readOpfsFile(this.#folder, name);
    if (!bytes) throw new Error(`the run ${this.id} has no ${name}.`);
    return bytes;
  }
}

/**
 * Makes the folder of a new run.
 *
 * @param fill Writes its first files. If it fails, nothing of the folder stays.
 */
export async function newRunFolder<T>(fill: (folder: RunFolder) => Promise<T>): Promise<T> {
  const id = crypto.randomUUID().slice(0, 8);
  try {
    return await fill(await RunFolder.open(id, { create: true }));
  } catch (error) {
    await deleteRun(id).catch(() => {});
    throw error;
  }
}

/** The newest first. Deletes what is left of runs that ended before their first checkpoint, and writes records that are missing. */
export async function storedRuns(): Promise<StoredRun[]> {
  const found: StoredRun[] = [];
  for await (const handle of (await runsFolder()).values()) {
    if (handle.kind !== 'directory') continue;
    const folder = new RunFolder(handle);
    const record = (await folder.record()) ?? (await folder.restoreRecord());
    if (record) found.push(record);
    else if (await folder.isLeftOver()) await deleteRun(folder.id, 0).catch(() => {});
  }
  return found.sort((a, b) => b.changed - a.changed);
}

/**
 * Deletes a run, if it is still there.
 *
 * @param patience As of `lockFolder`.
 * @throws {CheckpointError} `checkpoint-locked` while it is going
 */
export async function deleteRun(id: string, patience?: number): Promise<void> {
  const runs = await runsFolder();
  let unlock = () => {};
  try {
    unlock = await lockFolder(await runs.getDirectoryHandle(id), patience);
    await runs.removeEntry(id, { recursive: true });
  } catch (error) {
    // Another tab has deleted it.
    if (!isMissing(error)) throw error;
  } finally {
    unlock();
  }
}
