/** Turns the bytes of a log into events, block by block. */
import { joinBytes } from '../../util/bytes.ts';
import { decodeEvent, type LineProblem, type LoggedEvent } from './logged-event.ts';

/** Maximum size of a line. The longest lines list the files of a text. */
const MAX_LINE_BYTES = 2 ** 24;
const LINE_END = 0x0a;

export interface SkippedLine {
  /** From 1. */
  readonly line: number;
  readonly problem: LineProblem;
}

/** Turns bytes into events, with at most one line in memory. Counts the lines that are not events. */
export class EventLogReader {
  readonly #passesOver: (line: Uint8Array) => boolean;
  readonly #onSkipped: (line: SkippedLine) => void;
  #parts: Uint8Array[] = [];
  #size = 0;
  #lines = 0;
  #skipped = 0;

  /**
   * @param onSkipped Called for each line that is not an event.
   * @param passesOver Called with each line before it is decoded. If it returns true, the line is passed over, as if it were not there.
   */
  constructor(
    onSkipped: (line: SkippedLine) => void = () => {},
    passesOver: (line: Uint8Array) => boolean = () => false,
  ) {
    this.#onSkipped = onSkipped;
    this.#passesOver = passesOver;
  }

  /** The number of lines that were not events. */
  get skipped(): number {
    return this.#skipped;
  }

  /** The events of the lines that these bytes complete. */
  *read(bytes: Uint8Array): Generator<LoggedEvent, void, void> {
    let from = 0;
    for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, from)) {
      const event = this.#line(bytes.subarray(from, end));
      if (event) yield event;
      from = end + 1;
    }
    this.#keep(bytes.slice(from));
  }

  /** The event of a last line without a line end. If the line is incomplete, because the program was killed, it counts as skipped. */
  *end(): Generator<LoggedEvent, void, void> {
    if (this.#size === 0) return;
    const event = this.#line(new Uint8Array());
    if (event) yield event;
  }

  #keep(part: Uint8Array): void {
    this.#size += part.length;
    if (this.#size > MAX_LINE_BYTES) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  /** Ends a line. @param last Its last bytes; earlier ones were kept. */
  #line(last: Uint8Array): LoggedEvent | undefined {
    const size = this.#size + last.length;
    const line = this.#size === 0 || size > MAX_LINE_BYTES ? last : joinBytes([...this.#parts, last]);
    this.#parts = [];
    this.#size = 0;
    this.#lines++;
    if (size === 0 || (size <= MAX_LINE_BYTES && this.#passesOver(line))) return undefined;
    const event = size > MAX_LINE_BYTES ? 'too-large' : decodeEvent(line);
    if (typeof event !== 'string') return event;
    this.#skipped++;
    this.#onSkipped({ line: this.#lines, problem: event });
    return undefined;
  }
}
