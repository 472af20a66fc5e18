/**
 * The runs and sweeps in some folders. Runs are found by their logs, and kept up to date.
 *
 * It works only while it is polled, and only for a short time in each poll: first it searches the folders, then it checks which logs have
 * changed, then it reads what is new in them.
 */
import { realpathSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { trainingIn } from '../../checkpoint/storage/folder-lock.node.ts';
import type { RunChange, RunSummary } from '../protocol.ts';
import { type FoundFolder, type FoundPart, findLogs, MAX_LOGS } from './find-logs.node.ts';
import { IndexedRun, idOf, type RunPlace } from './indexed-run.node.ts';

/** Milliseconds that a poll works, roughly. */
const POLL_TIME = 60;
/** Milliseconds between two looks at logs that grow, at other logs, and between two searches. */
const LIVE_INTERVAL = 400;
const REST_INTERVAL = 5000;
const SEARCH_INTERVAL = 5000;
/** A search takes at most 1 / SEARCH_SHARE of the time. */
const SEARCH_SHARE = 20;
/** A log that changed within this many milliseconds counts as growing. */
const RECENT = 60_000;
const MAX_NOTICES = 20;

export type IndexChange = Pick<RunChange, 'changed' | 'removed' | 'isSearching' | 'notices'>;

interface Root {
  /** As it was given. */
  readonly given: string;
  /** With symbolic links resolved; undefined while it does not exist. */
  real: string | undefined;
}

export class RunIndex {
  readonly #roots: readonly Root[];
  readonly #runs = new Map<string, IndexedRun>();
  readonly #sent = new Map<string, string>();
  #search: Generator<FoundPart, void, void> | undefined;
  #seen = new Set<string>();
  /** The folders of sweeps, as a person would write them, by their paths. */
  readonly #sweeps = new Map<string, string>();
  #notices: string[] = [];
  #foundNotices: string[] = [];
  #searchTime = 0;
  #nextSearch = 0;
  #nextLook = { live: 0, rest: 0 };
  #hasSearched = false;

  /** @param folders Paths; they need not exist yet. */
  constructor(folders: readonly string[]) {
    this.#roots = folders.map((given) => ({ given, real: undefined }));
  }

  /** A run that was sent. */
  run(id: string): IndexedRun | undefined {
    return this.#runs.get(id);
  }

  runs(): Iterable<IndexedRun> {
    return this.#runs.values();
  }

  /** The folders of sweeps as a person would write them, by their paths. */
  get sweeps(): ReadonlyMap<string, string> {
    return this.#sweeps;
  }

  /** Whether a whole search has ended. */
  get hasSearched(): boolean {
    return this.#hasSearched;
  }

  /** Continues the work, and returns what has changed since the last call. */
  async poll(now = Date.now()): Promise<IndexChange> {
    const end = performance.now() + POLL_TIME;
    await this.#goOnSearching(end);
    await this.#look(now);
    for (const run of this.#runs.values()) {
      if (performance.now() > end) break;
      while (run.isStale && performance.now() <= end) {
        readSafely(run);
        await setImmediate();
      }
    }
    return this.#changes(now);
  }

  async #goOnSearching(end: number): Promise<void> {
    const before = performance.now();
    if (!this.#search && before < this.#nextSearch) return;
    this.#search ??= this.#newSearch();
    while (performance.now() < end) {
      const { value, done } = this.#search.next();
      if (done) return this.#endSearch(performance.now() - before);
      if (!value) continue;
      if ('notice' in value) this.#foundNotices.push(value.notice);
      else await this.#addFolder(value);
      await setImmediate();
    }
    this.#searchTime += performance.now() - before;
  }

  *#newSearch(): Generator<FoundPart, void, void> {
    this.#seen = new Set();
    this.#foundNotices = [];
    this.#searchTime = 0;
    for (const root of this.#roots) {
      try {
        root.real = realpathSync.native(root.given);
      } catch {
        // It may appear later.
        root.real = undefined;
        continue;
      }
      yield* findLogs(root.real);
    }
  }

  #endSearch(time: number): void {
    this.#search = undefined;
    this.#hasSearched = true;
    this.#notices = this.#foundNotices.slice(0, MAX_NOTICES);
    this.#nextSearch =
      performance.now() + Math.max(SEARCH_INTERVAL, SEARCH_SHARE * (this.#searchTime + time));
    for (const [id, run] of this.#runs) if (!this.#seen.has(run.path)) this.#runs.delete(id);
    for (const path of this.#sweeps.keys()) if (!this.#seen.has(path)) this.#sweeps.delete(path);
  }

  async #addFolder(found: FoundFolder): Promise<void> {
    if (found.isSweep) {
      this.#seen.add(found.path);
      this.#sweeps.set(found.path, this.#shownFolder(found.path));
    }
    const place: RunPlace = {
      folder: this.#shownFolder(found.path),
      sweep: this.#sweepOf(found.path),
      logs: found.logs.length,
      checkpoints: found.checkpoints,
      training: found.hasLock ? await trainingIn(found.path) : 'none',
    };
    for (const name of found.logs) {
      const path = join(found.path, name);
      this.#seen.add(path);
      if (this.#seen.size > MAX_LOGS) return;
      const run = new IndexedRun(path, place);
      const known = this.#runs.get(run.id);
      if (known) known.place = place;
      else if (run.check()) this.#runs.set(run.id, run);
    }
  }

  /** A sweep's folder is found before those of its trials. */
  #sweepOf(path: string): string | null {
    for (const sweep of this.#sweeps.keys()) if (path.startsWith(inside(sweep))) return idOf(sweep);
    return null;
  }

  /** The path as a person would write it: beginning with the folder that was given. */
  #shownFolder(path: string): string {
    const root = this.#roots.find(({ real }) => real === path || (real && path.startsWith(inside(real))));
    if (!root?.real) return path;
    const rest = relative(root.real, path);
    if (rest !== '') return join(root.given, rest);
    return root.given === '.' ? basename(resolve(root.given)) : root.given;
  }

  /** Looks at logs that are due, and at the locks of folders in which a training may run. */
  async #look(now: number): Promise<void> {
    const isDue = { live: now >= this.#nextLook.live, rest: now >= this.#nextLook.rest };
    if (isDue.live) this.#nextLook.live = now + LIVE_INTERVAL;
    if (isDue.rest) this.#nextLook.rest = now + REST_INTERVAL;
    for (const [id, run] of this.#runs) {
      const isLive = run.place.training !== 'none' || now - run.updated < RECENT;
      if (!(isLive ? isDue.live : isDue.rest)) continue;
      if (!run.check()) this.#runs.delete(id);
      else if (run.isOpen && isLive) run.place = { ...run.place, training: await trainingIn(run.folder) };
    }
  }

  #changes(now: number): IndexChange {
    const running = this.#runningIn(now);
    const changed: RunSummary[] = [];
    for (const run of this.#runs.values()) {
      const isRunning = running.get(run.folder) === run;
      const revision = run.revision(isRunning);
      if (this.#sent.get(run.id) === revision) continue;
      const summary = run.summary(isRunning, now);
      if (!summary) continue;
      this.#sent.set(run.id, revision);
      changed.push(summary);
    }
    const removed = [...this.#sent.keys()].filter((id) => !this.#runs.has(id));
    for (const id of removed) this.#sent.delete(id);
    return { changed, removed, isSearching: this.#isBusy, notices: this.#notices };
  }

  /** Only one run at a time is trained in a folder: that of the open log that grew last. */
  #runningIn(now: number): Map<string, IndexedRun> {
    const running = new Map<string, IndexedRun>();
    for (const run of this.#runs.values()) {
      if (!run.mayBeTraining(now)) continue;
      const other = running.get(run.folder);
      if (!other || other.updated < run.updated) running.set(run.folder, run);
    }
    return running;
  }

  /** Whether there are runs that have not been read at all. */
  get #isBusy(): boolean {
    if (!this.#hasSearched) return true;
    for (const run of this.#runs.values()) if (run.isUnread) return true;
    return false;
  }
}

function inside(folder: string): string {
  return folder.endsWith(sep) ? folder : folder + sep;
}

/** A log that can't be read now is tried again when it changes. */
function readSafely(run: IndexedRun): void {
  try {
    run.readOn();
  } catch {
    run.isStale = false;
  }
}
