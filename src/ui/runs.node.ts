/** Answers questions about the runs and sweeps in some folders. It reads files when it needs them, so it should run in its own thread. */

import { join } from 'node:path';
import { describeSystemError } from '../util/system-error.ts';
import { encodeFrame } from './curve-frames.ts';
import type { IndexedRun } from './index/indexed-run.node.ts';
import type { CheckpointPlace } from './index/run-checkpoints.node.ts';
import { checkpointsOf, findCheckpoint, placeOf } from './index/run-checkpoints.node.ts';
import { type IndexChange, RunIndex } from './index/run-index.node.ts';
import type { CurveFrame, CurvesRequest, EventsPage, RunDetail, SweepList } from './protocol.ts';
import { binsOf } from './run/bins.ts';
import { ReadRuns } from './run/read-runs.node.ts';
import type { Sources } from './sources.ts';
import { type ReadSweep, SweepReader } from './sweep/sweep-reader.node.ts';

/** Milliseconds between two reports of progress. */
const PROGRESS_INTERVAL = 100;
export const DEFAULT_BINS = 500;

export class Runs {
  readonly #index: RunIndex;
  readonly #read = new ReadRuns();
  readonly #sweeps: SweepReader;
  /** Paths of the checkpoints in the answers of `detail`, by ids: the search may not have found the newest yet. */
  readonly #listed = new Map<string, string>();

  constructor({ folders, databases = [] }: Sources) {
    this.#index = new RunIndex(folders);
    this.#sweeps = new SweepReader((id) => this.#index.run(id) !== undefined, databases);
  }

  /** Works for a short time, and returns what has changed since the last call. */
  poll(): Promise<IndexChange> {
    return this.#index.poll();
  }

  /** Undefined for an unknown id. */
  async detail(id: string): Promise<Omit<RunDetail, 'summary'> | undefined> {
    const run = this.#index.run(id);
    if (!run) return undefined;
    const checkpoints = await checkpointsOf(run);
    for (const { id: own, name } of checkpoints) this.#listed.set(own, join(run.folder, name));
    return { start: run.start ?? null, checkpoints };
  }

  /** Undefined for an unknown id, or if the log is gone. */
  async events(id: string, after: string | undefined): Promise<EventsPage | undefined> {
    const run = this.#index.run(id);
    if (!run?.check()) return undefined;
    const read = await this.#read.read(run.path).catch(() => undefined);
    return read?.eventsAfter(after);
  }

  async checkpoint(id: string): Promise<CheckpointPlace | undefined> {
    const listed = this.#listed.get(id);
    return findCheckpoint(this.#index.runs(), id) ?? (listed === undefined ? undefined : placeOf(listed));
  }

  async sweeps(): Promise<SweepList> {
    const sweeps = await this.#sweeps.list(this.#index.sweeps);
    return { sweeps, isSearching: !this.#index.hasSearched };
  }

  /**
   * A sweep with its trials; undefined for an unknown id.
   *
   * @param etag The ETag of what the reader already has: if it is still valid, there is no `detail`.
   */
  async sweep(id: string, etag?: string): Promise<ReadSweep | undefined> {
    return this.#sweeps.read(this.#index.sweeps, id, etag);
  }

  /** The encoded frames of curves, each as soon as its log was read. */
  async *curves(
    request: CurvesRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for await (const frame of this.#frames(request, signal)) yield encodeFrame(frame);
  }

  async *#frames(
    { ids, metrics = ['trainLoss'], ...given }: CurvesRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<CurveFrame, void, void> {
    const { x = 'iteration', bins = DEFAULT_BINS, smoothing = 0 } = given;
    const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = given;
    const known = ids.map((id) => this.#index.run(id));
    const progress = new Progress(known.reduce((sum, run) => sum + this.#unread(run), 0));
    for (const [index, run] of known.entries()) {
      const id = ids[index] as string;
      if (!run?.check()) {
        yield { type: 'missing', id, reason: 'its log was deleted' };
        continue;
      }
      const reading = this.#read.read(run.path, (bytes) => progress.add(bytes), signal);
      yield* progress.until(reading);
      try {
        const { columns } = await reading;
        for (const metric of metrics) {
          const curve = binsOf(columns.seriesOf(metric), metric, { x, from, to, bins, smoothing });
          yield { type: 'curve', id, metric, version: run.version, ...curve };
        }
      } catch (error) {
        signal?.throwIfAborted();
        yield { type: 'missing', id, reason: `its log can't be read: ${describeSystemError(error)}` };
      }
    }
  }

  #unread(run: IndexedRun | undefined): number {
    return run ? Math.max(0, run.size - this.#read.offsetOf(run.path)) : 0;
  }
}

/** Counts the bytes read, and reports them now and then. */
class Progress {
  readonly #total: number;
  #read = 0;
  #reported = performance.now();

  constructor(total: number) {
    this.#total = total;
  }

  add(bytes: number): void {
    this.#read += bytes;
  }

  /** Reports until a promise is settled, successfully or not. */
  async *until(work: Promise<unknown>): AsyncGenerator<CurveFrame, void, void> {
    let isDone = false;
    const done = work.then(
      () => {
        isDone = true;
      },
      () => {
        isDone = true;
      },
    );
    for (;;) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const interval = new Promise((resolve) => {
        timer = setTimeout(resolve, PROGRESS_INTERVAL);
      });
      await Promise.race([done, interval]);
      clearTimeout(timer);
      if (isDone) return;
      if (performance.now() - this.#reported < PROGRESS_INTERVAL) continue;
      this.#reported = performance.now();
      yield { type: 'progress', read: this.#read, total: Math.max(this.#read, this.#total) };
    }
  }
}
