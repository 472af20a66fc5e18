/** Keeps the list of runs up to date while a page shows it. */
import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { RunChange, RunDetail, SweepList } from '../protocol.ts';
import type { Sources } from '../sources.ts';
import { RunClient, ThreadEndedError } from './run-client.node.ts';
import { RunList } from './run-list.ts';
import type { Questions } from './run-messages.node.ts';

/** Milliseconds between two polls. */
const INTERVAL = 250;
/** How long a request for the list waits for the search of the folders, in milliseconds. */
const MAX_WAIT = 3000;
/** How long the list is kept up to date after a request for it, in milliseconds. */
const LINGER = 10_000;
/** Milliseconds before another thread is started in place of one that has ended. */
const RESTART_DELAY = 1000;

export class LiveRuns {
  readonly client: RunClient;
  readonly list: RunList;
  #readers = 0;
  #wantedUntil = 0;
  #polling: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  readonly #closed = new AbortController();

  constructor(sources: Sources) {
    this.client = new RunClient(sources);
    this.list = new RunList(sources.folders, randomBytes(6).toString('hex'));
  }

  /** Begins to search, so that the list is there when a page asks for it. */
  start(): void {
    this.#want();
  }

  /** All runs, read now. */
  async all(): Promise<RunChange> {
    this.#want();
    const end = performance.now() + MAX_WAIT;
    do await this.#poll();
    while (this.list.isSearching && performance.now() < end);
    return this.list.after(undefined);
  }

  /** Changes since a position, then new ones until the signal is aborted. A slow reader gets several at once. */
  async *changes(after: string | undefined, signal: AbortSignal): AsyncGenerator<RunChange, void, void> {
    this.#readers++;
    try {
      this.#want();
      let change = this.list.after(after);
      yield change;
      while (!signal.aborted && !this.#isClosed) {
        await this.list.waitForChange(change.position, signal);
        if (signal.aborted) return;
        change = this.list.after(change.position);
        yield change;
      }
    } finally {
      this.#readers--;
    }
  }

  /** Undefined for an unknown run. */
  async detail(id: string): Promise<RunDetail | undefined> {
    if (!this.list.get(id)) await this.all();
    const detail = await this.client.ask('detail', id);
    const summary = this.list.get(id);
    return summary && detail && { summary, ...detail };
  }

  /** All sweeps, read now. */
  async sweeps(): Promise<SweepList> {
    this.#want();
    const end = performance.now() + MAX_WAIT;
    for (;;) {
      const list = await this.client.ask('sweeps');
      if (!list.isSearching || performance.now() > end) return list;
      await this.#poll();
    }
  }

  /** Undefined for an unknown sweep. */
  async sweep(id: string, etag: string | undefined): ReturnType<Questions['sweep']> {
    return (await this.client.ask('sweep', id, etag)) ?? (await this.#sweepAfterSearch(id));
  }

  /** The first request after a start may name a sweep that was not found yet. */
  async #sweepAfterSearch(id: string): ReturnType<Questions['sweep']> {
    const { sweeps } = await this.sweeps();
    return sweeps.some((one) => one.id === id) ? this.client.ask('sweep', id, undefined) : undefined;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.client.close();
    await this.#polling;
  }

  #want(): void {
    this.#wantedUntil = performance.now() + LINGER;
    // An error in a poll is thrown to those who asked for the list.
    this.#polling ??= this.#keepPolling()
      .catch(() => {})
      .finally(() => {
        this.#polling = undefined;
      });
  }

  async #keepPolling(): Promise<void> {
    while (!this.#isClosed && (this.#readers > 0 || performance.now() < this.#wantedUntil)) {
      await this.#poll();
      if (!this.list.isSearching) await this.#sleep(INTERVAL);
    }
  }

  /** Polls once; callers that ask in the meantime get the same answer. */
  #poll(): Promise<void> {
    this.#running ??= this.#pollOnce().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #pollOnce(): Promise<void> {
    try {
      this.list.add(await this.client.ask('poll'));
    } catch (error) {
      if (!(error instanceof ThreadEndedError)) throw error;
      // The next thread finds all runs again.
      this.list.clear();
      await this.#sleep(RESTART_DELAY);
    }
  }

  get #isClosed(): boolean {
    return this.#closed.signal.aborted;
  }

  async #sleep(milliseconds: number): Promise<void> {
    await setTimeout(milliseconds, undefined, { ref: false, signal: this.#closed.signal }).catch(() => {});
  }
}
