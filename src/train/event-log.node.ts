/** The log of a run: one JSON object for each event, a line each, in `<savefile>.log.jsonl` beside the checkpoints (docs/log.md). */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describeSystemError } from '../util/system-error.ts';
import type { TrainingEvent, WarningEvent } from './events.ts';

/**
 * Passes events on and writes each before anybody sees it. The file is opened at the first iteration or evaluation: a run that trains nothing
 * leaves no trace.
 *
 * A line is one write: after a kill every line but perhaps the last is whole, and the next run begins a new one. A log that can't be
 * written is said once, and stops nothing.
 */
export async function* logged(
  events: AsyncIterable<TrainingEvent>,
  folder: string | undefined,
): AsyncGenerator<TrainingEvent, void, void> {
  if (folder === undefined) {
    yield* events;
    return;
  }
  const early: TrainingEvent[] = [];
  let saveName = '';
  let log: EventLog | undefined;
  try {
    for await (const event of events) {
      if (event.type === 'started') saveName = event.options.saveName;
      if (event.type === 'iteration' || event.type === 'evaluated')
        log ??= new EventLog(join(folder, `${saveName}.log.jsonl`));
      if (!log) early.push(event);
      else for (const pending of [...early.splice(0), event]) log.write(pending);
      const warning = log?.takeWarning();
      if (warning) yield warning;
      yield event;
    }
  } finally {
    log?.close();
  }
}

class EventLog {
  readonly #path: string;
  #file: number | undefined;
  #warning: WarningEvent | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#attempt(() => {
      this.#file = openSync(path, 'a+');
      if (endsWithinLine(this.#file)) writeSync(this.#file, '\n');
    });
  }

  write(event: TrainingEvent): void {
    const line = `${JSON.stringify({ time: new Date().toISOString(), ...withoutModel(event) })}\n`;
    this.#attempt(() => {
      if (this.#file !== undefined) writeSync(this.#file, line);
    });
  }

  /** What went wrong, once. */
  takeWarning(): WarningEvent | undefined {
    const warning = this.#warning;
    this.#warning = undefined;
    return warning;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.close();
      this.#warning = {
        type: 'warning',
        code: 'log-unwritable',
        message: `${this.#path} can't be written: ${describeSystemError(error)}. Training goes on without a log.`,
      };
    }
  }
}

function endsWithinLine(file: number): boolean {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

/** The event's facts, without the model itself. */
function withoutModel(event: TrainingEvent): object {
  if (event.type !== 'finished') return event;
  const { checkpoint: _, ...facts } = event;
  return facts;
}
