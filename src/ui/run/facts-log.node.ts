/**
 * Keeps the figures of a run up to date with its log. Lines of iterations are skipped, except for the newest, so 100 MB take only 0.2 s.
 */
import { EventLogReader } from '../../train/log/event-log-reader.ts';
import { decodeEvent, type LoggedEvent } from '../../train/log/logged-event.ts';
import { LogFile, readEnds } from './log-file.node.ts';
import { RunFacts } from './run-facts.ts';

const PIECE_BYTES = 2 ** 20;
/** Of the beginning and the end of a long log, which are read first. */
const END_BYTES = 65_536;
/** The place and the beginning of an iteration's type in a line: the time is first and has always the same length. */
const TYPE_OFFSET = '{"time":"2026-11-28T05:50:00.182Z",'.length;
const ITERATION_TYPE = new TextEncoder().encode('"type":"iteration"');
const LINE_END = 0x0a;

export class FactsLog {
  readonly #path: string;
  readonly #file: LogFile;
  #skimmer = new Skimmer();
  /** Figures from the ends of the log, until all of it was read. */
  #glance: RunFacts | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#file = new LogFile(path);
  }

  get facts(): RunFacts {
    return this.#glance ?? this.#skimmer.facts;
  }

  /** Whether the figures may be incomplete, because a long log has not been read as a whole yet. */
  get isPartial(): boolean {
    return this.#glance !== undefined;
  }

  /**
   * Reads the next piece. Returns whether there is more.
   *
   * @throws a system error, for example if the log was deleted
   */
  readOn(): boolean {
    const { bytes, isRestart, hasMore } = this.#file.next(PIECE_BYTES);
    if (isRestart) {
      this.#skimmer = new Skimmer();
      this.#glance = hasMore ? glanceAt(this.#path) : undefined;
    }
    this.#skimmer.add(bytes);
    if (!hasMore) this.#glance = undefined;
    return hasMore;
  }
}

/** Figures from both ends of a log, which may be incomplete. */
function glanceAt(path: string): RunFacts {
  const { head, tail } = readEnds(path, END_BYTES);
  const skimmer = new Skimmer();
  skimmer.add(head);
  // The line that the beginning cuts off must not be joined with one of the end.
  skimmer.add(Uint8Array.of(LINE_END));
  skimmer.add(tail.subarray(tail.indexOf(LINE_END) + 1));
  return skimmer.facts;
}

/** Adds the events in bytes to figures. */
class Skimmer {
  readonly facts = new RunFacts();
  #iteration: Uint8Array | undefined;
  readonly #reader = new EventLogReader(undefined, (line) => {
    if (!isIteration(line)) return false;
    this.#iteration = line;
    return true;
  });

  add(bytes: Uint8Array): void {
    for (const event of this.#reader.read(bytes)) {
      this.#addIteration();
      this.facts.add(event);
    }
    this.#addIteration();
  }

  #addIteration(): void {
    const event = this.#iteration && decodeEvent(this.#iteration);
    this.#iteration = undefined;
    if (typeof event === 'object') this.facts.add(event satisfies LoggedEvent);
  }
}

function isIteration(line: Uint8Array): boolean {
  for (let at = 0; at < ITERATION_TYPE.length; at++)
    if (line[TYPE_OFFSET + at] !== ITERATION_TYPE[at]) return false;
  return true;
}
