/** `sweep`: searches for good settings by training many models, as a generator of events. */
import { resolve } from 'node:path';
import { OptionError, SweepError, UsageError } from '../errors.ts';
import { availableProcessors } from '../util/machine.node.ts';
import { checkDefinition, checkRoom, type GivenDefinition, type SweepDefinition } from './definition.ts';
import type { SweepEvent } from './events.ts';
import { planSweep } from './plan.node.ts';
import type { SweepStore, SweepText } from './store.ts';
import {
  checkFree,
  checkSweepName,
  createSweep,
  findSweep,
  nameOfText,
  openSweep,
  SWEEPS,
} from './sweep-folder.node.ts';
import { work } from './worker.node.ts';

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
  /** Continues the sweep of this name, or in this folder. Then only `workers` and `signal` can be given. */
  readonly resume?: string | undefined;
  /** How many trials run at once. Default: the number of processors. Each uses one thread, unless `options.threads` is given. */
  readonly workers?: number | undefined;
  /** When it is aborted, the running trials save their states, and the sweep ends as `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** What comes before the reason in messages about the definition. Default: `sweep: `. */
  readonly where?: string | undefined;
}

const KEYS: Readonly<Record<keyof SweepInput, true>> = {
  ...{ parameters: true, options: true, method: true, trials: true, seed: true, rungs: true, eta: true },
  ...{ textFile: true, include: true, validation: true, test: true, name: true, resume: true },
  ...{ workers: true, signal: true, where: true },
};
const ON_RESUME: readonly string[] = ['resume', 'workers', 'signal', 'where'];
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
  const workers = checkWorkers(input.workers);
  const { folder, store } = input.resume === undefined ? await created(input) : await reopened(input);
  try {
    yield* events(folder, store, workers, input.signal);
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
    throw new UsageError(`${where ?? ''}a sweep reads its text many times: save standard input to a file.`);
  if (parameters === undefined)
    throw new UsageError(`${where ?? 'sweep: '}there are no parameters: nothing to search`);
  const { trials, ...definition } = checkDefinition({ ...input, parameters }, where);
  const name = input.name ?? nameOfText(first);
  checkSweepName(name);
  const folder = resolve(SWEEPS, name);
  checkFree(folder);
  const plan = await planSweep(definition, { textFile, include, validation, test }, trials);
  return { folder, store: await createSweep(folder, { name, definition, text: plan.text }, plan) };
}

async function reopened(input: SweepInput) {
  const other = Object.keys(input).find((key) => input[key as keyof SweepInput] && !ON_RESUME.includes(key));
  if (other !== undefined)
    throw new OptionError(other, 'works only for a new sweep: a resumed one keeps its definition');
  const folder = resolve(findSweep(input.resume));
  const store = await openSweep(folder);
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
 * Adds trials to a sweep. They are halved among themselves.
 *
 * @param more How many.
 * @throws {UsageError} if the space has no room for so many
 * @throws {SweepError} `sweep-other-text`
 */
export async function addTrials(store: SweepStore, more: number, where?: string): Promise<void> {
  const { definition, text } = await store.record();
  const before = await store.trialCount();
  checkRoom(definition.space, before + more, where);
  const plan = await planSweep(definition, text, before + more, before);
  checkText(plan.text.sha256, text);
  await store.addTrials(plan.trials);
}

async function checkSameText(definition: SweepDefinition, text: SweepText) {
  checkText((await planSweep(definition, text, 1)).text.sha256, text);
}

function checkText(found: string, { sha256, name }: SweepText): void {
  if (found === sha256) return;
  throw new SweepError(
    'sweep-other-text',
    `${name} has changed since the sweep was created. The losses of its trials could not be compared.`,
    { remedies: [{ text: 'Restore the text, or start a new sweep with another name' }] },
  );
}

function checkWorkers(workers: number = availableProcessors()): number {
  if (Number.isSafeInteger(workers) && workers >= 1 && workers <= MAX_WORKERS) return workers;
  throw new OptionError('workers', `got ${workers}, expected a whole number from 1 to ${MAX_WORKERS}`);
}

async function* events(
  folder: string,
  store: SweepStore,
  workers: number,
  outer: AbortSignal | undefined,
): AsyncGenerator<SweepEvent, void, void> {
  const { name, definition } = await store.record();
  yield { type: 'started', name, folder, trials: await store.trialCount(), rungs: definition.rungs, workers };
  const queue: SweepEvent[] = [];
  let wake = () => {};
  const left = new AbortController();
  const signal = outer ? AbortSignal.any([outer, left.signal]) : left.signal;
  const onEvent = (event: SweepEvent) => {
    queue.push(event);
    wake();
  };
  let isOver = false;
  const working = work({ store, folder, workers, signal, onEvent }).finally(() => {
    isOver = true;
    wake();
  });
  // An error is thrown below, after the events that came before it.
  working.catch(() => {});
  try {
    while (!isOver || queue.length > 0) {
      const event = queue.shift();
      if (event) yield event;
      else
        await new Promise<void>((done) => {
          wake = done;
        });
    }
    const reason = await working;
    yield { type: 'finished', reason, best: (await store.best(1))[0] };
  } finally {
    // The consumer has left the loop: the trials save their states.
    left.abort();
    await working.catch(() => {});
  }
}
