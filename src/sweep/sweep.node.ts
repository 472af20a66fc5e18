/** `sweep`: searches for good settings by training many models, as a generator of events. */
import { basename, resolve } from 'node:path';
import { OptionError, TextError, UsageError } from '../errors.ts';
import { availableProcessors } from '../util/machine.node.ts';
import { checkHashes, checkSameText } from './check-text.node.ts';
import { checkDefinition, checkRoom, type GivenDefinition } from './definition.ts';
import type { SweepEvent } from './events.ts';
import { planSweep } from './plan.node.ts';
import type { SweepStore } from './store.ts';
import { connectForNewSweep, createInDatabase, joinDatabase } from './sweep-database.node.ts';
import {
  checkFree,
  checkSweepName,
  createSweep,
  findSweep,
  nameOfText,
  openSweep,
  SWEEPS,
} from './sweep-folder.node.ts';
import { workEvents } from './work-events.node.ts';

export interface SweepInput extends Partial<GivenDefinition> {
  /** The text to train on: files and folders, in order. */
  readonly textFile?: string | readonly string[] | undefined;
  /** Which files to take from a folder, such as `*.txt`. */
  readonly include?: string | undefined;
  /** Held-out texts: files. Without them, every trial validates on a part of the main text. */
  readonly validation?: string | undefined;
  readonly test?: string | undefined;
  /** The name of the sweep. Its state is in the folder `sweeps/NAME`. Default: the name of the text. */
  readonly name?: string | undefined;
  /** Continues the sweep of this name, or in this folder. Then only `database`, `workers` and `signal` can be given. */
  readonly resume?: string | undefined;
  /**
   * The URL of a PostgreSQL database, which keeps the state of the sweep, so that several machines can work on it: `joinSweep`. Default: a
   * file in the folder of the sweep.
   */
  readonly database?: string | undefined;
  /**
   * The number of trials that run at once. Default: the number of processors. Each uses one thread, unless `options.threads` is given. 0
   * only adds a sweep to a database.
   */
  readonly workers?: number | undefined;
  /** When it is aborted, the running trials save their states, and the sweep ends as `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** The text before the reason in messages about the definition. Default: `sweep: `. */
  readonly where?: string | undefined;
}

const KEYS: Readonly<Record<keyof SweepInput, true>> = {
  ...{ parameters: true, options: true, method: true, trials: true, seed: true, rungs: true, eta: true },
  ...{ textFile: true, include: true, validation: true, test: true, name: true, resume: true },
  ...{ database: true, workers: true, signal: true, where: true },
};
const ON_RESUME: readonly string[] = ['resume', 'database', 'workers', 'signal', 'where'];
const MAX_WORKERS = 1024;

/**
 * Trains models with different settings, and finds the one with the lowest validation loss. Each training runs in a process of its own.
 *
 * @throws {UsageError} before anything starts, for a mistake in the definition
 * @throws {TextError} for a text that can't be trained on
 * @throws {SweepError} for a name that is taken, a sweep that does not exist, or a text that has changed
 */
export async function* sweep(input: SweepInput): AsyncGenerator<SweepEvent, void, void> {
  const unknown = Object.keys(input).find((key) => !Object.hasOwn(KEYS, key));
  if (unknown !== undefined) throw new OptionError(unknown, 'there is no such option');
  const workers = checkWorkers(
    input.workers,
    input.database !== undefined && input.resume === undefined ? 0 : 1,
  );
  const { folder, store } = input.resume === undefined ? await created(input) : await reopened(input);
  try {
    yield* workEvents({ folder, store, workers, signal: input.signal });
  } finally {
    await store.close();
  }
}

async function created(input: SweepInput) {
  const { where, include, validation, test, parameters } = input;
  const textFile = typeof input.textFile === 'string' ? [input.textFile] : input.textFile;
  const [first] = textFile ?? [];
  if (!textFile || first === undefined)
    throw new UsageError('sweep: `textFile` is missing: where the text is');
  if (first === '-')
    throw new UsageError('a sweep reads its text many times: save standard input to a file.');
  if (parameters === undefined)
    throw new UsageError(`${where ?? 'sweep: '}there are no parameters: nothing to search`);
  const { trials, ...definition } = checkDefinition({ ...input, parameters }, where);
  const name = input.name ?? nameOfText(first);
  checkSweepName(name);
  const folder = resolve(SWEEPS, name);
  checkFree(folder);
  const { database } = input;
  const connection = database === undefined ? undefined : await connectForNewSweep(database, name);
  try {
    const plan = await planSweep(definition, { textFile, include, validation, test }, trials);
    const made = { name, definition, text: plan.text };
    if (!connection) return { folder, store: await createSweep(folder, made, plan) };
    await createInDatabase(connection, folder, made, plan);
  } finally {
    await connection?.close();
  }
  return { folder, store: await openSweep(folder, { isWorker: true }) };
}

async function reopened(input: SweepInput) {
  const other = Object.keys(input).find((key) => input[key as keyof SweepInput] && !ON_RESUME.includes(key));
  if (other !== undefined)
    throw new OptionError(other, 'works only for a new sweep: a resumed one keeps its definition');
  const { database } = input;
  const folder = resolve(
    database === undefined
      ? findSweep(input.resume)
      : await joinDatabase(database, SWEEPS, input.resume && basename(input.resume)),
  );
  const store = await openSweep(folder, { database, isWorker: true });
  try {
    const { definition, text } = await store.record();
    await checkSameText(definition, text);
    await store.setStopped(false);
  } catch (error) {
    await store.close();
    throw error;
  }
  return { folder, store };
}

/**
 * Adds trials to a sweep. They are compared only with each other at their rungs.
 *
 * @param more How many.
 * @throws {UsageError} if the space has too few points
 * @throws {SweepError} `sweep-other-text`
 */
export async function addTrials(store: SweepStore, more: number, where?: string): Promise<void> {
  const { definition, text } = await store.record();
  const before = await store.trialCount();
  checkRoom(definition.space, before + more, where);
  const plan = await planSweep(definition, text, before + more, before).catch(async (error: unknown) => {
    // A text that has changed may be too short, or lack symbols of a held-out one.
    if (error instanceof TextError) await checkSameText(definition, text);
    throw error;
  });
  checkHashes(plan.text, text);
  await store.addTrials(plan.trials);
}

/** @param least 0 for a sweep that is only added to a database. */
export function checkWorkers(workers: number = availableProcessors(), least: 0 | 1 = 1): number {
  if (Number.isSafeInteger(workers) && workers >= least && workers <= MAX_WORKERS) return workers;
  const why = workers === 0 && least === 1 ? ': only a new sweep in a database can do without' : '';
  throw new OptionError(
    'workers',
    `got ${workers}, expected a whole number from ${least} to ${MAX_WORKERS}${why}`,
  );
}
