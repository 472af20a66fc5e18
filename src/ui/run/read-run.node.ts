/** The columns and events of a run, read from its log and kept up to date with it. */
import { randomBytes } from 'node:crypto';
import { EventLogReader } from '../../train/log/event-log-reader.ts';
import type { LoggedEvent } from '../../train/log/logged-event.ts';
import type { EventsPage, RunEvent } from '../protocol.ts';
import { LogFile } from './log-file.node.ts';
import { RunColumns } from './run-columns.ts';
import { isPreamble, isShown, MAX_PREAMBLE } from './run-facts.ts';

const PIECE_BYTES = 2 ** 20;
/** Limits on the events that are kept. Of a longer log, only the newest events are kept. */
const MAX_EVENTS = 20_000;
const MAX_EVENT_BYTES = 16e6;
/** Bytes of a page of events, roughly. */
const PAGE_BYTES = 1e6;

interface KeptEvent {
  readonly event: RunEvent;
  /** As JSON. */
  readonly bytes: number;
}

/** Positions of an earlier list of events, or of an earlier process, are not those of this one. */
const newGeneration = () => randomBytes(6).toString('hex');

export class ReadRun {
  readonly #file: LogFile;
  #reader = new EventLogReader();
  #columns = new RunColumns();
  #events: KeptEvent[] = [];
  #eventBytes = 0;
  /** The number of events that were dropped before the first one in `#events`. */
  #dropped = 0;
  #generation = newGeneration();
  /** The number of messages at the end, which belong to a start that follows them. */
  #preamble = 0;

  constructor(path: string) {
    this.#file = new LogFile(path);
  }

  get columns(): RunColumns {
    return this.#columns;
  }

  /** Bytes in memory, roughly. */
  get bytes(): number {
    return this.#columns.bytes + 2 * this.#eventBytes;
  }

  /** Bytes of the log that were read. */
  get offset(): number {
    return this.#file.offset;
  }

  /**
   * Reads the next piece. Returns whether there is more.
   *
   * @throws a system error, for example if the log was deleted
   */
  readOn(): boolean {
    const { bytes, isRestart, hasMore } = this.#file.next(PIECE_BYTES);
    if (isRestart) {
      this.#reader = new EventLogReader();
      this.#columns = new RunColumns();
      this.#forgetEvents(0);
    }
    for (const event of this.#reader.read(bytes)) this.#add(event);
    return hasMore;
  }

  /** @param after The position of the page before. */
  eventsAfter(after: string | undefined): EventsPage {
    const [generation, text] = (after ?? '').split('.');
    const count = Number(text);
    const isKnown = generation === this.#generation && Number.isSafeInteger(count) && count >= 0;
    const from = isKnown ? Math.max(0, count - this.#dropped) : 0;
    let to = from;
    let bytes = 0;
    for (; bytes < PAGE_BYTES; to++) {
      const kept = this.#events[to];
      if (!kept) break;
      bytes += kept.bytes;
    }
    return {
      position: `${this.#generation}.${this.#dropped + to}`,
      isFromStart: !isKnown,
      events: this.#events.slice(from, to).map(({ event }) => event),
      hasMore: to < this.#events.length,
    };
  }

  #add(event: LoggedEvent): void {
    this.#columns.add(event);
    if (event.type === 'started' && event.start !== 'resumed') this.#forgetEvents(this.#preamble);
    if (isPreamble(event)) this.#preamble = Math.min(this.#preamble + 1, MAX_PREAMBLE);
    else if (event.type !== 'preparing') this.#preamble = 0;
    if (!isShown(event)) return;
    const bytes = JSON.stringify(event).length;
    this.#events.push({ event: event as RunEvent, bytes });
    this.#eventBytes += bytes;
    if (this.#events.length > MAX_EVENTS || this.#eventBytes > MAX_EVENT_BYTES)
      this.#dropEvents(Math.ceil(this.#events.length / 4));
  }

  /** Another run begins. @param kept The number of events at the end that belong to it. */
  #forgetEvents(kept: number): void {
    this.#dropEvents(this.#events.length - kept);
    this.#dropped = 0;
    this.#generation = newGeneration();
  }

  #dropEvents(count: number): void {
    for (const { bytes } of this.#events.splice(0, count)) this.#eventBytes -= bytes;
    this.#dropped += count;
  }
}
