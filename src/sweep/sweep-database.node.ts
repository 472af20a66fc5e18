/**
 * Sweeps whose state is in PostgreSQL. The folder of such a sweep stores the URL of the database. Modules for PostgreSQL are loaded only
 * for such sweeps.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SweepError } from '../errors.ts';
import { describeSystemError } from '../util/system-error.ts';
import type { SweepPlan } from './plan.node.ts';
import type { Connection } from './postgres/connection.node.ts';
import { hidePassword, isSameDatabase } from './postgres/database-url.ts';
import type { SweepIdentity } from './postgres/sweeps.node.ts';
import type { NewSweep, SweepStore } from './store.ts';

/** The file in the folder of a sweep that says in which database its state is. */
export const DATABASE_FILE = 'database.json';

interface RememberedDatabase extends SweepIdentity {
  readonly url: string;
}

/**
 * The database of a sweep; undefined if its state is in its folder.
 *
 * @throws {SweepError} `sweep-database` for a damaged file
 */
export function rememberedDatabase(folder: string): RememberedDatabase | undefined {
  const path = join(folder, DATABASE_FILE);
  if (!existsSync(path)) return undefined;
  const found = readDatabaseFile(path);
  if (found) return found;
  throw new SweepError('sweep-database', `${path} is damaged: remove it, and name the database again.`);
}

/**
 * The URL in a list that names the same database. It may have another user than the stored URL.
 *
 * @param stored The URL that a folder stores. Nothing is known about who wrote it.
 * @throws {SweepError} `sweep-database` if there is none
 */
export function allowedUrl(stored: string, allowed: readonly string[]): string {
  const found = allowed.find((url) => isSameDatabase(url, stored));
  if (found !== undefined) return found;
  throw new SweepError(
    'sweep-database',
    `its state is in the database ${hidePassword(stored)}, to which char-rnn ui connects only if it is started with that database.`,
  );
}

/** Whether a folder has a file that says in which database the state of a sweep is. Other programs have files of the same name. */
export function namesDatabase(folder: string): boolean {
  return readDatabaseFile(join(folder, DATABASE_FILE)) !== undefined;
}

/** Undefined if the file has other content, or can't be read. */
function readDatabaseFile(path: string): RememberedDatabase | undefined {
  try {
    const { url, name, id } = JSON.parse(readFileSync(path, 'utf8'));
    return [url, name, id].every((one) => typeof one === 'string') ? { url, name, id } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Adds a sweep with its trials to a database, and makes its folder.
 *
 * @throws {SweepError} `sweep-exists`; `sweep-database`
 */
export async function createInDatabase(
  connection: Connection,
  folder: string,
  sweep: NewSweep,
  plan: SweepPlan,
): Promise<void> {
  const { createPostgresSweep } = await import('./postgres/sweeps.node.ts');
  const identity = await createPostgresSweep(connection, sweep, plan.trials);
  remember(folder, { ...identity, url: connection.url });
}

/**
 * Connects to a database, and checks that a name is free in it.
 *
 * @throws {UsageError} for what is no URL of PostgreSQL
 * @throws {SweepError} `sweep-exists`; `sweep-database`
 */
export async function connectForNewSweep(url: string, name: string): Promise<Connection> {
  const { connect } = await import('./postgres/connection.node.ts');
  const { checkNameIsFree } = await import('./postgres/sweeps.node.ts');
  const connection = await connect(url);
  try {
    await checkNameIsFree(connection, name);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/**
 * Makes the folder of a sweep that another machine has started; if it exists, it is left as it is.
 *
 * @param sweeps The folder of all sweeps.
 * @param name Default: the newest in the database.
 * @returns the folder of the sweep
 * @throws {UsageError} for what is no URL of PostgreSQL
 * @throws {SweepError} `sweep-missing`; `sweep-exists` if there is a folder of another sweep of this name; `sweep-database`
 */
export async function joinDatabase(url: string, sweeps: string, name: string | undefined): Promise<string> {
  const { connect } = await import('./postgres/connection.node.ts');
  const { findPostgresSweep } = await import('./postgres/sweeps.node.ts');
  const connection = await connect(url);
  let identity: SweepIdentity;
  try {
    identity = await findPostgresSweep(connection, name);
  } finally {
    await connection.close();
  }
  const folder = join(sweeps, identity.name);
  const known = rememberedDatabase(folder);
  if (known?.id === identity.id) return folder;
  if (existsSync(folder))
    throw new SweepError('sweep-exists', `${folder} belongs to another sweep of the same name.`, {
      remedies: [{ text: 'Rename that folder, or work in another one' }],
    });
  remember(folder, { ...identity, url });
  return folder;
}

/** @throws {SweepError} `sweep-missing` if the sweep is no longer in the database; `sweep-database` */
export async function openInDatabase(
  { url, name, id }: RememberedDatabase,
  { isWorker = false, isReadOnly = false }: { readonly isWorker?: boolean; readonly isReadOnly?: boolean },
): Promise<SweepStore> {
  const { connect } = await import('./postgres/connection.node.ts');
  const { findPostgresSweep } = await import('./postgres/sweeps.node.ts');
  const { openPostgresStore } = await import('./postgres/store-postgres.node.ts');
  const connection = await connect(url, isReadOnly);
  try {
    const found = await findPostgresSweep(connection, name);
    if (found.id !== id)
      throw new SweepError('sweep-missing', `the database has another sweep ${name} than this folder.`);
    return await openPostgresStore(connection, found, { isWorker });
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function remember(folder: string, database: RememberedDatabase): void {
  const path = join(folder, DATABASE_FILE);
  try {
    mkdirSync(folder, { recursive: true });
    // Only the owner may read it: the URL may have a password.
    const own = `${path}.${process.pid}`;
    writeFileSync(own, `${JSON.stringify(database, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(own, path);
  } catch (cause) {
    const reason = describeSystemError(cause);
    throw new SweepError('sweep-database', `${basename(folder)}: ${path} can't be written: ${reason}.`, {
      cause,
    });
  }
}
