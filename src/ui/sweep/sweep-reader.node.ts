/** Reads sweeps in place. Each is opened only for a moment, so that the processes that work on it are not disturbed. */
import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CharRnnError } from '../../errors.ts';
import { TRIAL_DEFAULTS } from '../../sweep/definition.ts';
import type { SweepStore } from '../../sweep/store.ts';
import { DATABASE_FILE } from '../../sweep/sweep-database.node.ts';
import { openSweep, STATE, trialFolder } from '../../sweep/sweep-folder.node.ts';
import { attemptFolder } from '../../sweep/trial-history.node.ts';
import { describeSystemError } from '../../util/system-error.ts';
import { LOG_ENDING } from '../index/find-logs.node.ts';
import { idOf } from '../index/indexed-run.node.ts';
import type { SweepDetail, SweepSummary } from '../protocol.ts';
import { detailOf, type SweepFacts, type SweepPlace, summaryOf, unreadableSweep } from './sweep-view.ts';

/** Trials that a page gets. */
const MAX_TRIALS = 10_000;
/** Milliseconds that the list waits for a database. */
const PATIENCE = 1000;
/** Attempts whose logs are looked for, the newest first. */
const MAX_ATTEMPTS = 20;

export interface ReadSweep {
  /** Identifies the content. */
  readonly etag: string;
  readonly detail: SweepDetail | undefined;
}

/** The paths of folders of sweeps, and how a person would write them. */
type SweepFolders = ReadonlyMap<string, string>;

export class SweepReader {
  readonly #isRun: (id: string) => boolean;
  readonly #databases: readonly string[];
  /** Summaries by path, with the stamp of the file that was read. */
  readonly #summaries = new Map<string, { readonly stamp: string; readonly summary: SweepSummary }>();
  /** Summaries that are being read, by path. */
  readonly #asking = new Map<string, Promise<SweepSummary>>();

  /**
   * @param isRun Whether there is a run with an id.
   * @param databases The URLs of the databases that may be connected to. A folder names its database itself, but it may come from anywhere.
   */
  constructor(isRun: (id: string) => boolean, databases: readonly string[]) {
    this.#isRun = isRun;
    this.#databases = databases;
  }

  /** The sweeps that were active last come first. */
  async list(folders: SweepFolders): Promise<SweepSummary[]> {
    for (const path of this.#summaries.keys()) if (!folders.has(path)) this.#summaries.delete(path);
    const found = await Promise.all([...folders].map(([path, folder]) => this.#summary(path, folder)));
    return found.filter((one) => one !== undefined).sort((a, b) => b.updated - a.updated);
  }

  /** Undefined for an unknown id. */
  async read(folders: SweepFolders, id: string, etag: string | undefined): Promise<ReadSweep | undefined> {
    const found = [...folders].find(([path]) => idOf(path) === id);
    const place = found && placeOf(...found);
    if (!place) return undefined;
    return withStore(
      place,
      this.#databases,
      async (store) => {
        const facts = await factsOf(store);
        const summary = summaryOf(place, facts);
        const own = etagOf(place, summary, facts);
        if (own === etag) return { etag: own, detail: undefined };
        const [trials, jobs, evaluations] = [
          await store.trials(),
          await store.jobs(),
          await store.allEvaluations(),
        ];
        const shown = { trials: trials.slice(0, MAX_TRIALS), jobs, evaluations };
        const runOf = (trial: number, attempt: number) => this.#runOf(place.path, trial, attempt);
        return { etag: own, detail: detailOf(summary, facts.record, shown, runOf) };
      },
      (problem) => {
        const summary = unreadableSweep(place, basename(place.path), problem);
        const detail = { ...EMPTY, summary };
        return { etag: etagOf(place, summary), detail };
      },
    );
  }

  async #summary(path: string, folder: string): Promise<SweepSummary | undefined> {
    const place = placeOf(path, folder);
    if (!place) return undefined;
    const known = this.#summaries.get(path);
    // Time alone changes a running sweep: a worker that is silent is gone.
    if (known && place.stamp !== '' && known.stamp === place.stamp && known.summary.state !== 'running')
      return known.summary;
    const asking = this.#asking.get(path) ?? this.#ask(place);
    if (place.stamp !== '') return asking;
    // A database that is away must not hold up the others.
    const late =
      known?.summary ?? unreadableSweep(place, basename(path), 'its database has not answered yet.');
    return Promise.race([asking, setTimeout(PATIENCE, late, { ref: false })]);
  }

  #ask(place: StampedPlace): Promise<SweepSummary> {
    const { path, stamp } = place;
    const asking = withStore(
      place,
      this.#databases,
      async (store) => summaryOf(place, await factsOf(store)),
      (problem) => unreadableSweep(place, basename(path), problem),
    ).then((summary) => {
      this.#summaries.set(path, { stamp, summary });
      this.#asking.delete(path);
      return summary;
    });
    this.#asking.set(path, asking);
    return asking;
  }

  /** The run of the newest attempt that has a log. */
  #runOf(path: string, trial: number, attempt: number): string | null {
    const folder = trialFolder(path, trial);
    for (let at = attempt; at > Math.max(0, attempt - MAX_ATTEMPTS); at--) {
      const id = idOf(join(attemptFolder(folder, at), `${TRIAL_DEFAULTS.saveName}${LOG_ENDING}`));
      if (this.#isRun(id)) return id;
    }
    return null;
  }
}

const EMPTY = { method: '', seed: 0, rungs: 0, eta: 0, parameters: [], options: {}, trials: [] } as const;

interface StampedPlace extends SweepPlace {
  readonly path: string;
  /** Changes when the file does; empty if the state is in a database, whose changes can't be seen from here. */
  readonly stamp: string;
}

/** Undefined if the folder is gone, or has become a link to another place. */
function placeOf(path: string, folder: string): StampedPlace | undefined {
  try {
    if (realpathSync.native(path) !== path) return undefined;
    const files = [STATE, `${STATE}-wal`, DATABASE_FILE].map((name) =>
      statSync(join(path, name), { throwIfNoEntry: false }),
    );
    const isInDatabase = files[0] === undefined;
    const stamp = files.map((file) => (file ? `${file.ino}-${file.size}-${file.mtimeMs}` : '')).join();
    const updated = Math.max(...files.map((file) => file?.mtimeMs ?? 0));
    return { id: idOf(path), path, folder, updated, stamp: isInDatabase ? '' : stamp };
  } catch {
    return undefined;
  }
}

async function factsOf(store: SweepStore): Promise<SweepFacts> {
  const [record, trialCount, counts] = [await store.record(), await store.trialCount(), await store.counts()];
  const [running, best] = [await store.running(), await store.best(1)];
  return { record, trialCount, counts, running, best };
}

/** @param otherwise Called with why the sweep can't be read. */
async function withStore<T>(
  { path }: StampedPlace,
  allowed: readonly string[],
  use: (store: SweepStore) => Promise<T>,
  otherwise: (problem: string) => T,
): Promise<T> {
  let store: SweepStore | undefined;
  try {
    store = await openSweep(path, { allowed, isReadOnly: true });
    return await use(store);
  } catch (error) {
    return otherwise(error instanceof CharRnnError ? error.message : describeSystemError(error));
  } finally {
    await store?.close();
  }
}

function etagOf({ stamp }: StampedPlace, summary: SweepSummary, facts?: SweepFacts): string {
  const hash = createHash('sha256').update(JSON.stringify([stamp, summary, facts?.running]));
  return `"${hash.digest('hex').slice(0, 24)}"`;
}
