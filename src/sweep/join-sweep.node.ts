/** `joinSweep`: works on a sweep that another machine has started, as a generator of events. */
import { resolve } from 'node:path';
import { OptionError } from '../errors.ts';
import { checkTextHere } from './check-text.node.ts';
import type { SweepEvent } from './events.ts';
import type { SweepText } from './store.ts';
import { checkWorkers } from './sweep.node.ts';
import { joinDatabase } from './sweep-database.node.ts';
import { openSweep, SWEEPS } from './sweep-folder.node.ts';
import { workEvents } from './work-events.node.ts';

export interface JoinSweepInput {
  /** The URL of the PostgreSQL database that has the state of the sweep: `postgres://USER:PASSWORD@HOST/DATABASE`. */
  readonly database: string;
  /** The name of the sweep. Default: the newest in the database with trials left. */
  readonly name?: string | undefined;
  /** The path of the text on this machine. Default: the same as on the machine that started the sweep. */
  readonly textFile?: string | readonly string[] | undefined;
  readonly validation?: string | undefined;
  readonly test?: string | undefined;
  /** The number of trials that run at once. Default: the number of processors. */
  readonly workers?: number | undefined;
  /** When it is aborted, the running trials save their states, and the work ends as `interrupted`. */
  readonly signal?: AbortSignal | undefined;
}

const KEYS: Readonly<Record<keyof JoinSweepInput, true>> = {
  ...{
    database: true,
    name: true,
    textFile: true,
    validation: true,
    test: true,
    workers: true,
    signal: true,
  },
};

/**
 * Trains trials of a sweep that another machine has started, until none is left. Checkpoints are in `sweeps/NAME` in the working folder. If
 * several machines share that folder, a trial continues from the checkpoints of another machine. Otherwise it starts again, with the same
 * result.
 *
 * @throws {UsageError} for anything but a PostgreSQL URL
 * @throws {SweepError} before anything starts, for a database that can't be used, a sweep that is not in it, or a text that is missing here
 *   or differs
 */
export async function* joinSweep(input: JoinSweepInput): AsyncGenerator<SweepEvent, void, void> {
  const unknown = Object.keys(input).find((key) => !Object.hasOwn(KEYS, key));
  if (unknown !== undefined) throw new OptionError(unknown, 'there is no such option');
  const { database, name, signal } = input;
  const workers = checkWorkers(input.workers);
  const folder = resolve(await joinDatabase(database, SWEEPS, name));
  const store = await openSweep(folder, { database, isWorker: true });
  try {
    const record = await store.record();
    const text = textHere(record.text, input);
    await checkTextHere(record.definition, text);
    yield* workEvents({ folder, store, text, workers, signal });
  } finally {
    await store.close();
  }
}

/** The texts of the sweep, with their paths on this machine. */
function textHere(text: SweepText, { textFile, validation, test }: JoinSweepInput): SweepText {
  const files = typeof textFile === 'string' ? [textFile] : textFile;
  return {
    ...text,
    ...(files && { textFile: files.map((path) => resolve(path)) }),
    ...(validation !== undefined && { validation: resolve(validation) }),
    ...(test !== undefined && { test: resolve(test) }),
  };
}
