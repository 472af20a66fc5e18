/** An observer that writes the events of a run into a file. The log and TensorBoard's event files are made with it. */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { makeFolder } from '../../util/files.node.ts';
import { describeSystemError } from '../../util/system-error.ts';
import type { StartedEvent, TrainingEvent, WarningEvent } from '../events.ts';
import type { TrainingObserver } from './observers.ts';

/** A file format for the events of a run. */
export interface RecordFormat {
  /** Code of the warning that the file can't be written. */
  readonly code: string;
  /** The path of the file; undefined if none is written. */
  pathOf(started: StartedEvent): string | undefined;
  /**
   * What to write before the first record.
   *
   * @param file The open file, which may have content already.
   * @param iteration The first iteration that will be written.
   */
  beginning(file: number, iteration: number): string | Uint8Array;
  /** The record of an event; undefined if it has none. */
  recordOf(event: TrainingEvent): string | Uint8Array | undefined;
}

/** For each run, the observer that writes each file. Of several for the same file, this is the last, which gets the events that others add. */
const writers = new WeakMap<StartedEvent, Map<string, TrainingObserver>>();

/**
 * An observer that writes events into a file. The file is made at the first iteration or evaluation, and gets the earlier events then: so a
 * run that trains nothing writes no file. If a run has several observers for one file, only the last of them writes it.
 *
 * Each record is one write: if the program is killed, only the last record may be incomplete. If the file can't be opened, a warning
 * reports it and training goes on without it. If a later write fails, as on a full disk, a warning reports it, and the records wait until
 * there is space again.
 */
export function recordFile(format: RecordFormat): TrainingObserver {
  const early: TrainingEvent[] = [];
  let path: string | undefined;
  let isWriter = () => false;
  let hasBegun = false;
  let file: RecordFile | undefined;
  const observer: TrainingObserver = {
    async observe(event) {
      if (event.type === 'started') {
        path = format.pathOf(event);
        if (path !== undefined) isWriter = claim(event, resolve(path), observer);
      }
      early.push(event);
      if (!hasBegun) {
        if (event.type !== 'iteration' && event.type !== 'evaluated') return undefined;
        hasBegun = true;
        if (path !== undefined && isWriter()) file = await RecordFile.open(format, path, event.iteration);
      }
      for (const pending of early.splice(0)) file?.write(format.recordOf(pending));
      return file?.takeWarnings();
    },
    close() {
      file?.close();
    },
  };
  return observer;
}

/** Makes an observer the writer of a path. Returns a function that tells whether it still is, because a later observer may replace it. */
function claim(started: StartedEvent, path: string, observer: TrainingObserver): () => boolean {
  const ofRun = writers.get(started) ?? new Map<string, TrainingObserver>();
  writers.set(started, ofRun.set(path, observer));
  return () => ofRun.get(path) === observer;
}

/** The size of an open file; undefined if a path no longer names it. */
function sizeAt(path: string, file: number): number | undefined {
  const [there, own] = [statSync(path, { throwIfNoEntry: false }), fstatSync(file)];
  return there !== undefined && there.ino === own.ino && there.dev === own.dev ? own.size : undefined;
}

function copyInto(file: number, from: number): void {
  const block = Buffer.alloc(2 ** 20);
  for (let at = 0; ; ) {
    const read = readSync(from, block, 0, block.length, at);
    if (read === 0) return;
    writeAll(file, block.subarray(0, read));
    at += read;
  }
}

/** A single write may write less than it is given, without an error, when the disk is nearly full. */
function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** Most bytes of records that wait to be written. */
const MAX_WAITING = 32 * 2 ** 20;
/** Time after a failed write before the next one, in milliseconds. */
const RETRY_AFTER = 1000;

class RecordFile {
  readonly #path: string;
  readonly #code: string;
  #file: number | undefined;
  readonly #warnings: WarningEvent[] = [];
  /** Records that could not be written yet. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #failedAt: number | undefined;

  private constructor(path: string, code: string) {
    this.#path = path;
    this.#code = code;
  }

  static async open(format: RecordFormat, path: string, iteration: number): Promise<RecordFile> {
    const opened = new RecordFile(path, format.code);
    try {
      await makeFolder(dirname(path));
      opened.#file = openSync(path, 'a+');
      opened.write(format.beginning(opened.#file, iteration));
    } catch (error) {
      opened.#giveUp(error);
    }
    return opened;
  }

  write(record: string | Uint8Array | undefined): void {
    if (this.#file === undefined || record === undefined) return;
    const bytes = typeof record === 'string' ? Buffer.from(record) : record;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#failedAt === undefined || performance.now() - this.#failedAt >= RETRY_AFTER) this.#flush();
  }

  /** The warnings since the last call. */
  takeWarnings(): WarningEvent[] {
    return this.#warnings.splice(0);
  }

  close(): void {
    if (this.#file === undefined) return;
    if (this.#waiting.length > 0) this.#flush();
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** Writes all records that wait. */
  #flush(): void {
    if (this.#file === undefined) return;
    try {
      const size = sizeAt(this.#path, this.#file) ?? this.#writeAgain(this.#file);
      this.#append(this.#file, size, Buffer.concat(this.#waiting));
    } catch (error) {
      if (this.#waitingBytes > MAX_WAITING) this.#giveUp(error);
      else this.#fail(error);
      return;
    }
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#failedAt === undefined) return;
    this.#failedAt = undefined;
    this.#warn(`${this.#path} could be written again, and has all records.`);
  }

  /** Appends bytes, or nothing: half a record would spoil the next one, too. */
  #append(file: number, size: number, bytes: Uint8Array): void {
    try {
      writeAll(file, bytes);
    } catch (error) {
      ftruncateSync(file, size);
      throw error;
    }
  }

  /** Rewrites a file that was deleted or moved away, and returns its size. Its content is still there: the system keeps it while the file is open. */
  #writeAgain(before: number): number {
    mkdirSync(dirname(this.#path), { recursive: true });
    const file = openSync(this.#path, 'a+');
    this.#file = file;
    if (fstatSync(file).size === 0) copyInto(file, before);
    closeSync(before);
    const message = `${this.#path} was deleted during the run and has been rewritten.`;
    this.#warnings.push({ type: 'warning', code: 'record-deleted', message });
    return fstatSync(file).size;
  }

  /** Keeps the records for later. */
  #fail(error: unknown): void {
    if (this.#failedAt === undefined) {
      this.#warn(
        `${this.#path} can't be written: ${describeSystemError(error)}. Training continues, and the program tries again.`,
      );
    }
    this.#failedAt = performance.now();
  }

  #giveUp(error: unknown): void {
    this.#waiting = [];
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#warn(
      `${this.#path} can't be written: ${describeSystemError(error)}. Training continues without it.`,
    );
  }

  #warn(message: string): void {
    this.#warnings.push({ type: 'warning', code: this.#code, message });
  }
}
