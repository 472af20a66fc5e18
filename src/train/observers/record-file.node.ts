/** Observers of a run that write what they see into a file: its log, TensorBoard's events. */
import { closeSync, fstatSync, mkdirSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../../util/files.node.ts';
import { describeSystemError } from '../../util/system-error.ts';
import type { StartedEvent, TrainingEvent, WarningEvent } from '../events.ts';
import type { TrainingObserver } from './observers.ts';

/** A kind of file that a run is written into. */
export interface RecordFormat {
  /** Of the warning that it can't be written. */
  readonly code: string;
  /** Where it is; undefined: nowhere. */
  pathOf(started: StartedEvent): string | undefined;
  /** What comes first. The file is open, and may have been written before; the iteration is the first that will be written. */
  beginning(file: number, iteration: number): string | Uint8Array;
  /** What is written of an event; undefined for nothing. */
  recordOf(event: TrainingEvent): string | Uint8Array | undefined;
}

/**
 * Writes events into a file. It is made at the first iteration or evaluation, and what came before is written then: a run that trains
 * nothing leaves no trace.
 *
 * A record is one write: after a kill every one but perhaps the last is whole. A file that can't be written is reported once;
 * training continues.
 */
export function recordFile(format: RecordFormat): TrainingObserver {
  const early: TrainingEvent[] = [];
  let path: string | undefined;
  let file: RecordFile | undefined;
  return {
    async observe(event) {
      if (event.type === 'started') path = format.pathOf(event);
      if (path !== undefined && (event.type === 'iteration' || event.type === 'evaluated'))
        file ??= await RecordFile.open(format, path, event.iteration);
      if (!file) early.push(event);
      else for (const pending of [...early.splice(0), event]) file.write(format.recordOf(pending));
      return file?.takeWarnings();
    },
    close() {
      file?.close();
    },
  };
}

/** Whether an open file is still the one that has a name. */
function isAt(path: string, file: number): boolean {
  const [there, own] = [statSync(path, { throwIfNoEntry: false }), fstatSync(file)];
  return there !== undefined && there.ino === own.ino && there.dev === own.dev;
}

function copyInto(file: number, from: number): void {
  const block = Buffer.alloc(2 ** 20);
  for (let at = 0; ; ) {
    const read = readSync(from, block, 0, block.length, at);
    if (read === 0) return;
    writeSync(file, block, 0, read);
    at += read;
  }
}

class RecordFile {
  readonly #path: string;
  readonly #code: string;
  #file: number | undefined;
  readonly #warnings: WarningEvent[] = [];

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
      opened.#fail(error);
    }
    return opened;
  }

  write(record: string | Uint8Array | undefined): void {
    if (this.#file === undefined || record === undefined) return;
    try {
      const file = isAt(this.#path, this.#file) ? this.#file : this.#writeAgain(this.#file);
      writeSync(file, typeof record === 'string' ? Buffer.from(record) : record);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What has gone wrong since the last call. */
  takeWarnings(): WarningEvent[] {
    return this.#warnings.splice(0);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** A file that was deleted or moved away is written again, with all that was in it, as long as the system still has that. */
  #writeAgain(before: number): number {
    mkdirSync(dirname(this.#path), { recursive: true });
    const file = openSync(this.#path, 'a+');
    this.#file = file;
    if (fstatSync(file).size === 0) copyInto(file, before);
    closeSync(before);
    const message = `${this.#path} was deleted during the run and has been rewritten.`;
    this.#warnings.push({ type: 'warning', code: 'record-deleted', message });
    return file;
  }

  #fail(error: unknown): void {
    this.close();
    const message = `${this.#path} can't be written: ${describeSystemError(error)}. Training goes on without it.`;
    this.#warnings.push({ type: 'warning', code: this.#code, message });
  }
}
