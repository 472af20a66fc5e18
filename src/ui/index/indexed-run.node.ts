/** A run of the index: its log, its figures, and whether it is running. */
import { createHash } from 'node:crypto';
import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isNameOfRun } from '../../checkpoint/storage/save-checkpoint.ts';
import type { RunState, RunSummary } from '../protocol.ts';
import { FactsLog } from '../run/facts-log.node.ts';
import { type FileStamp, isSameStamp } from '../run/log-file.node.ts';
import type { RunFacts } from '../run/run-facts.ts';
import { LOG_ENDING } from './find-logs.node.ts';

/** What the index knows about the folder of a run. */
export interface RunPlace {
  /** The name for readers: the folder that was given, and the path within it. */
  readonly folder: string;
  /** The id of the sweep that its runs are trials of; null outside of sweeps. */
  readonly sweep: string | null;
  readonly logs: number;
  readonly checkpoints: readonly string[];
  readonly training: 'running' | 'unknown' | 'none';
}

/** A run on another machine can't be checked. It counts as running if its log is at most this many milliseconds old. */
const RECENT = 300_000;

/** Hexadecimal digits of an id: 48 bits. */
const ID_LENGTH = 12;

/** The id of a file: the same each time the program starts, and not its path. */
export function idOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, ID_LENGTH);
}

export class IndexedRun {
  readonly id: string;
  readonly path: string;
  place: RunPlace;
  /** Whether its log has to be read further. */
  isStale = true;
  /** Counts the pieces of the log that were read. */
  #pieces = 0;
  readonly #log: FactsLog;
  #stamp: FileStamp | undefined;

  constructor(path: string, place: RunPlace) {
    this.id = idOf(path);
    this.path = path;
    this.place = place;
    this.#log = new FactsLog(path);
  }

  /** Whether nothing of its log has been read yet. */
  get isUnread(): boolean {
    return this.#pieces === 0;
  }

  /** When the log last grew, in milliseconds since 1970. */
  get updated(): number {
    return this.#stamp?.modified ?? 0;
  }

  /** Bytes of the log. */
  get size(): number {
    return this.#stamp?.size ?? 0;
  }

  get version(): string {
    const { inode = 0, size = 0, modified = 0 } = this.#stamp ?? {};
    return `${inode.toString(36)}-${size.toString(36)}-${Math.round(modified).toString(36)}`;
  }

  get start() {
    return this.#facts.start;
  }

  /** Whether its log ends without the end of a run. */
  get isOpen(): boolean {
    return !this.#facts.hasFinished;
  }

  /** Checks whether the log has changed. Returns false if the log no longer exists. */
  check(): boolean {
    try {
      const facts = lstatSync(this.path);
      // A folder on the way may have become a link to another place.
      if (!facts.isFile() || realpathSync.native(this.path) !== this.path) return false;
      const stamp = { device: facts.dev, inode: facts.ino, size: facts.size, modified: facts.mtimeMs };
      if (!isSameStamp(this.#stamp, stamp)) this.isStale = true;
      this.#stamp = stamp;
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Reads a piece of what is new.
   *
   * @throws a system error, for example if the log was deleted
   */
  readOn(): void {
    this.#pieces++;
    this.isStale = this.#log.readOn();
  }

  /** Changes whenever the summary may have changed. */
  revision(isRunning: boolean): string {
    return `${this.#pieces} ${this.version} ${isRunning} ${this.place.checkpoints.length} ${this.place.logs} ${this.place.sweep}`;
  }

  /** Undefined if the log does not say that a run has started. */
  summary(isRunning: boolean, now: number): RunSummary | undefined {
    const facts = this.#facts.facts();
    if (!facts) return undefined;
    const { folder, sweep, logs, checkpoints } = this.place;
    const saveName = basename(this.path).slice(0, -LOG_ENDING.length);
    const state: RunState = this.#facts.hasFinished ? 'finished' : isRunning ? 'running' : 'broken-off';
    return {
      id: this.id,
      name: logs > 1 ? `${folder}/${saveName}` : folder,
      folder,
      sweep,
      state,
      version: this.version,
      isPartial: this.#log.isPartial,
      ...facts,
      updated: this.updated,
      rest: isRunning ? this.#facts.restAt(now) : null,
      checkpoints:
        logs > 1 ? checkpoints.filter((name) => isNameOfRun(name, saveName)).length : checkpoints.length,
    };
  }

  /** Whether the process that trains in its folder may be training this run. */
  mayBeTraining(now: number): boolean {
    const { training } = this.place;
    return this.isOpen && (training === 'running' || (training === 'unknown' && now - this.updated < RECENT));
  }

  get folder(): string {
    return dirname(this.path);
  }

  get #facts(): RunFacts {
    return this.#log.facts;
  }
}
