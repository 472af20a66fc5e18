/** The folders of sweeps: `sweeps/NAME/` has the state of a sweep, the checkpoints of its trials and, once chosen, its best model. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { OptionError, SweepError } from '../errors.ts';
import { describeSystemError } from '../util/system-error.ts';
import type { SweepPlan } from './plan.node.ts';
import { sqliteOutage } from './sqlite.node.ts';
import type { NewSweep, SweepStore } from './store.ts';
import { createSqliteStore, openSqliteStore } from './store-sqlite.node.ts';
import {
  allowedUrl,
  DATABASE_FILE,
  namesDatabase,
  openInDatabase,
  rememberedDatabase,
} from './sweep-database.node.ts';

/** The folder of all sweeps. */
export const SWEEPS = 'sweeps';
export const STATE = 'sweep.sqlite';
const TRIALS = 'trials';

/** The name of a sweep of a text: the text's, without its extension. */
export function nameOfText(path: string): string {
  return (
    basename(path)
      .replace(/\.\w+$/, '')
      .replace(/[^\w.-]+/g, '-')
      .replace(/^[.-]+/, '') || 'sweep'
  );
}

/** @throws {OptionError} for a name that can't be the name of a folder */
export function checkSweepName(name: string): void {
  if (/^[\w][\w .-]{0,99}$/.test(name)) return;
  throw new OptionError(
    'name',
    `got ${JSON.stringify(name)}, expected up to 100 letters, digits, underscores, dots, dashes and spaces, and none of the last three at the start`,
  );
}

/** Whether a folder is that of a sweep. @param files The names of its files. */
export function isSweepFolder(folder: string, files: readonly string[]): boolean {
  return files.includes(STATE) || (files.includes(DATABASE_FILE) && namesDatabase(folder));
}

/** The folder of all trials of a sweep. */
export function trialsFolder(folder: string): string {
  return join(folder, TRIALS);
}

/** The folder of a trial. */
export function trialFolder(folder: string, trial: number): string {
  return join(trialsFolder(folder), String(trial).padStart(4, '0'));
}

/** @throws {SweepError} `sweep-exists` */
export function checkFree(folder: string): void {
  if (!existsSync(folder)) return;
  const name = basename(folder);
  throw new SweepError('sweep-exists', `there is already a sweep ${name}, in ${folder}.`, {
    remedies: [
      { text: 'To continue it', command: ['sweep', 'resume', name] },
      { text: 'Or give the new one another name', set: { name: `${name}-2` } },
    ],
  });
}

/**
 * Makes the folder of a sweep, with all its trials. It appears as a whole, or not at all.
 *
 * @throws {SweepError} `sweep-exists`; `sweep-database` if it can't be written
 */
export async function createSweep(folder: string, sweep: NewSweep, plan: SweepPlan): Promise<SweepStore> {
  checkFree(folder);
  let made: string | undefined;
  try {
    mkdirSync(join(folder, '..'), { recursive: true });
    made = mkdtempSync(join(folder, '..', '.new-'));
    const store = await createSqliteStore(join(made, STATE), sweep);
    await store.addTrials(plan.trials);
    await store.close();
    renameSync(made, folder);
    made = undefined;
  } catch (error) {
    const cause = error instanceof SweepError ? error.cause : error;
    const outage = sqliteOutage(cause ?? {});
    if (error instanceof SweepError && outage === undefined) throw error;
    checkFree(folder);
    const reason = outage ?? describeSystemError(cause);
    throw new SweepError(
      'sweep-database',
      `the sweep's folder ${folder} can't be made: ${reason}. Nothing was kept of it.`,
      { cause },
    );
  } finally {
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
  }
  return await openSweep(folder);
}

export interface OpenOptions {
  /** The URL of its database, if the one that is stored in its folder is not valid here. */
  readonly database?: string | undefined;
  /** The URLs of the databases that may be connected to. Default: the database of the folder. */
  readonly allowed?: readonly string[] | undefined;
  /** Whether this process takes jobs. Then it also takes over those of lost workers. */
  readonly isWorker?: boolean;
  /** Whether the state is only read, and soon closed. Then nothing in the folder changes. */
  readonly isReadOnly?: boolean;
}

/** @throws {SweepError} as `openSqliteStore` and `openInDatabase` */
export async function openSweep(
  folder: string,
  { database, allowed, isWorker = false, isReadOnly = false }: OpenOptions = {},
): Promise<SweepStore> {
  const remembered = rememberedDatabase(folder);
  if (remembered) {
    const url = database ?? (allowed ? allowedUrl(remembered.url, allowed) : remembered.url);
    return await openInDatabase({ ...remembered, url }, { isWorker, isReadOnly });
  }
  return await openSqliteStore(join(folder, STATE), isReadOnly);
}

function isSweep(folder: string): boolean {
  return existsSync(join(folder, STATE)) || existsSync(join(folder, DATABASE_FILE));
}

/**
 * The folder of a sweep.
 *
 * @param name Default: the sweep that was active last.
 * @throws {SweepError} `sweep-missing`
 */
export function findSweep(name: string | undefined): string {
  const names = sweepNames();
  if (name !== undefined) {
    const folder = isSweep(name) ? name : join(SWEEPS, name);
    if (isSweep(folder)) return folder;
    const others = names.length > 0 ? ` It has ${names.join(', ')}.` : '';
    throw new SweepError('sweep-missing', `there is no sweep ${name} in ${SWEEPS}/.${others}`);
  }
  const [newest] = names.map((one) => join(SWEEPS, one)).sort((a, b) => lastChange(b) - lastChange(a));
  if (newest !== undefined) return newest;
  throw new SweepError('sweep-missing', `there is no sweep in ${SWEEPS}/.`, {
    remedies: [
      {
        text: 'To start one',
        command: ['sweep', 'run', 'book.txt', '--try', 'rnn-size=64,128', '--try', 'dropout=0,0.2'],
      },
    ],
  });
}

function sweepNames(): string[] {
  if (!existsSync(SWEEPS)) return [];
  return readdirSync(SWEEPS)
    .filter((name) => !name.startsWith('.') && isSweep(join(SWEEPS, name)))
    .sort();
}

function lastChange(folder: string): number {
  const times = [STATE, `${STATE}-wal`, DATABASE_FILE, TRIALS].map(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return Math.max(...times);
}
