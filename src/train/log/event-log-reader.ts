/** Reads the log of a run from its bytes, as they come. */
import { joinBytes } from '../../util/bytes.ts';
import { decodeEvent, type LineProblem, type LoggedEvent } from './logged-event.ts';

/** Bytes of a line; the longest ones name the files of a text. */
const MAX_LINE_BYTES = 2 ** 24;
const LINE_END = 0x0a;

export interface SkippedLine {
  /** From 1. */
  readonly line: number;
  readonly problem: LineProblem;
}

/** Turns bytes into events. Of what is no event it keeps a count, and at most one line is in memory. */
export class EventLogReader {
  readonly #onSkipped: (line: SkippedLine) => void;
  #parts: Uint8Array[] = [];
  #size = 0;
  #lines = 0;
  #skipped = 0;

  /** @param onSkipped Called for each line that is no event. */
  constructor(onSkipped: (line: SkippedLine) => void = () => {}) {
    this.#onSkipped = onSkipped;
  }

  /** Lines that were no event. */
  get skipped(): number {
    return this.#skipped;
  }

  /** The events of the lines that these bytes complete. */
  *read(bytes: Uint8Array): Generator<LoggedEvent, void, void> {
    let from = 0;
    for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, from)) {
      this.#keep(bytes.subarray(from, end));
      yield* this.#line();
      from = end + 1;
    }
    this.#keep(bytes.slice(from));
  }

  /** The event of a last line without an end, if it is whole. One that a kill has cut counts as skipped. */
  *end(): Generator<LoggedEvent, void, void> {
    if (this.#size > 0) yield* this.#line();
  }

  #keep(part: Uint8Array): void {
    this.#size += part.length;
    if (this.#size > MAX_LINE_BYTES) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  *#line(): Generator<LoggedEvent, void, void> {
    const [size, line] = [this.#size, joinBytes(this.#parts)];
    this.#parts = [];
    this.#size = 0;
    this.#lines++;
    if (size === 0) return;
    const event = size > MAX_LINE_BYTES ? 'too-large' : decodeEvent(line);
    if (typeof event !== 'string') {
      yield event;
      return;
    }
    this.#skipped++;
    this.#onSkipped({ line: this.#lines, problem: event });
  }
}
