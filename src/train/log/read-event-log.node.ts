/** Reads the log of a run from its file, and can follow a log that is still growing. */
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { LogError, OptionError } from '../../errors.ts';
import { kindOf } from '../../util/check-content.ts';
import { describeSystemError } from '../../util/system-error.ts';
import { EventLogReader, type SkippedLine } from './event-log-reader.ts';
import type { LoggedEvent } from './logged-event.ts';

export interface ReadEventLogInput {
  /** Whether to wait for more events at the end, and for a file that does not exist yet. Default: false. */
  readonly follow?: boolean | undefined;
  /** When it is aborted, reading ends. With `follow`, nothing else ends it. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds between checks for more events. Default: 250. */
  readonly interval?: number | undefined;
  /** Called for each line that is not an event, such as an incomplete line of a killed program. */
  readonly onSkipped?: ((line: SkippedLine) => void) | undefined;
}

/** The maximum delay of a timer, in milliseconds. */
const MAX_INTERVAL = 2 ** 31 - 1;

/** For each option, whether it can have a value, and which values it can have. */
const OPTIONS: Readonly<
  Record<keyof ReadEventLogInput, { accepts(value: unknown): boolean; readonly expected: string }>
> = {
  follow: { accepts: (value) => typeof value === 'boolean', expected: 'true or false' },
  signal: {
    accepts: (value) => typeof value === 'object' && value !== null && 'aborted' in value,
    expected: 'an AbortSignal',
  },
  interval: {
    accepts: (value) => typeof value === 'number' && value >= 0 && value <= MAX_INTERVAL,
    expected: `a number from 0 to ${MAX_INTERVAL}`,
  },
  onSkipped: { accepts: (value) => typeof value === 'function', expected: 'a function' },
};

const BLOCK_BYTES = 2 ** 18;
/** Bytes at the start of a log that identify it. */
const HEAD_BYTES = 1024;

/**
 * The events of a log, from its start. If the run rewrites a deleted log, reading continues where it was. If another log takes its place,
 * that log is read from its start.
 *
 * @throws {OptionError} for an unknown option or a value of another type
 * @throws {LogError} for a file that is missing, can't be read, or has no line that is an event
 */
export async function* readEventLog(
  path: string,
  input: ReadEventLogInput = {},
): AsyncGenerator<LoggedEvent, void, void> {
  checkArguments(path, input);
  const { follow = false, signal, interval = 250, onSkipped } = input;
  let log = new LogFile(path, onSkipped);
  try {
    while (!signal?.aborted) {
      const bytes = await log.next(follow);
      if (bytes === 'replaced') {
        await log.close();
        log = new LogFile(path, onSkipped);
      } else if (bytes) {
        yield* log.eventsOf(bytes);
      } else if (follow) {
        await setTimeout(interval, undefined, { signal }).catch(() => {});
      } else {
        yield* log.end();
        return;
      }
    }
  } finally {
    await log.close();
  }
}

function checkArguments(path: unknown, input: unknown): void {
  if (typeof path !== 'string')
    throw new OptionError('path', `got ${kindOf(path)}, expected the path of a log`);
  if (typeof input !== 'object' || input === null)
    throw new OptionError('input', `got ${kindOf(input)}, expected an object with options`);
  for (const [name, value] of Object.entries(input)) {
    if (!Object.hasOwn(OPTIONS, name)) throw new OptionError(name, 'there is no such option');
    const { accepts, expected } = OPTIONS[name as keyof ReadEventLogInput];
    if (value !== undefined && !accepts(value))
      throw new OptionError(name, `got ${kindOf(value)}, expected ${expected}`);
  }
}

class LogFile {
  readonly #path: string;
  readonly #reader: EventLogReader;
  #file: FileHandle | undefined;
  #head: Buffer = Buffer.alloc(0);
  #position = 0;
  #events = 0;

  constructor(path: string, onSkipped: ReadEventLogInput['onSkipped']) {
    this.#path = path;
    this.#reader = new EventLogReader(onSkipped);
  }

  /**
   * The next bytes; undefined if there are none yet; `replaced` if another log has taken the path.
   *
   * @param follows Whether the file may be missing or replaced.
   */
  async next(follows: boolean): Promise<Uint8Array | 'replaced' | undefined> {
    try {
      const block = Buffer.alloc(BLOCK_BYTES);
      this.#file ??= await open(this.#path);
      const { bytesRead } = await this.#file.read(block, 0, block.length, this.#position);
      if (bytesRead === 0) return follows ? await this.#atEnd() : undefined;
      const bytes = block.subarray(0, bytesRead);
      if (this.#head.length < HEAD_BYTES)
        this.#head = Buffer.concat([this.#head, bytes.subarray(0, HEAD_BYTES - this.#head.length)]);
      this.#position += bytesRead;
      return bytes;
    } catch (error) {
      if (follows && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw readingError(this.#path, error);
    }
  }

  eventsOf(bytes: Uint8Array): Generator<LoggedEvent, void, void> {
    return this.#counted(this.#reader.read(bytes));
  }

  /** The last event, at the end of a log that is not followed. */
  *end(): Generator<LoggedEvent, void, void> {
    yield* this.#counted(this.#reader.end());
    if (this.#events > 0 || this.#reader.skipped === 0) return;
    throw new LogError(
      'log-malformed',
      `${this.#path} is not the log of a run: none of its lines is an event.`,
    );
  }

  *#counted(events: Iterable<LoggedEvent>): Generator<LoggedEvent, void, void> {
    for (const event of events) {
      this.#events++;
      yield event;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** Checks whether the path now names another file. A file with the same beginning is the same log, rewritten. */
  async #atEnd(): Promise<'replaced' | undefined> {
    const now = await open(this.#path);
    const [there, own] = [await now.stat(), await this.#file?.stat()];
    if (there.ino !== own?.ino || there.dev !== own.dev) {
      const head = Buffer.alloc(this.#head.length);
      const { bytesRead } = await now.read(head, 0, head.length, 0);
      // A rewritten file may not be as long yet.
      const isKnown = head.subarray(0, bytesRead).equals(this.#head.subarray(0, bytesRead));
      if (isKnown && there.size >= this.#position) {
        await this.#file?.close();
        this.#file = now;
        return undefined;
      }
      if (!isKnown) {
        await now.close();
        return 'replaced';
      }
    }
    await now.close();
    return undefined;
  }
}

function readingError(path: string, error: unknown): LogError {
  const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  return new LogError(
    isMissing ? 'log-missing' : 'log-unreadable',
    `the log ${path} can't be read: ${describeSystemError(error)}.`,
    { cause: error },
  );
}
