/** SQLite, as Node has it from 22.13 on; on older versions, a package with the same interface. */
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SweepError } from '../errors.ts';
import { installCommand } from '../util/install-command.node.ts';

export type SqlValue = string | number | null;

export interface Statement {
  run(...values: SqlValue[]): { readonly changes: number | bigint };
  get(...values: SqlValue[]): Readonly<Record<string, SqlValue>> | undefined;
  all(...values: SqlValue[]): Readonly<Record<string, SqlValue>>[];
}

export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

type Sqlite = {
  readonly DatabaseSync: new (path: string, options?: { readonly readOnly?: boolean }) => Database;
};

const PACKAGE = '@photostructure/sqlite';

/**
 * Opens a database file, and creates it if it is missing.
 *
 * @throws {SweepError} `sweep-database` without SQLite, or if the file can't be opened
 */
export async function openDatabase(path: string): Promise<Database> {
  const { DatabaseSync } = await sqlite();
  try {
    return new DatabaseSync(path);
  } catch (error) {
    throw databaseError(path, error);
  }
}

/**
 * Opens a database file in WAL mode to read it once, without a change to its folder, which may be read-only.
 *
 * @throws {SweepError} as `openDatabase`
 */
export async function openReadOnly(path: string): Promise<Database> {
  const { DatabaseSync } = await sqlite();
  // Where no process has it open, there is no log, and SQLite would make an empty one. It does not for a file that never changes
  // (sqlite.org/uri.html#uriimmutable). Node before 22.15 does not accept such addresses.
  const names = existsSync(`${path}-wal`) ? [path] : [`${pathToFileURL(path)}?immutable=1`, path];
  let problem: unknown;
  for (const name of names) {
    try {
      return new DatabaseSync(name, { readOnly: true });
    } catch (error) {
      problem = error;
    }
  }
  throw databaseError(path, problem);
}

async function sqlite(): Promise<Sqlite> {
  return builtIn() ?? (await fromPackage());
}

/** Reasons by SQLite's result code (sqlite.org/rescode.html), in which a database can't be used at the moment. */
const OUTAGES: Readonly<Record<number, string>> = {
  5: 'another program holds its lock',
  6: 'another connection holds its lock',
  // With a write-ahead log in shared memory, SQLite may find out that a disk is full only by a failed write.
  10: 'the disk is full or has failed',
  13: 'the disk is full',
  14: 'its files cannot be opened',
};

/** Why a database can't be used at the moment, without a full stop; undefined for other errors. */
export function sqliteOutage(error: unknown): string | undefined {
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown };
  if (code !== 'ERR_SQLITE_ERROR' || typeof errcode !== 'number') return undefined;
  // Extended codes have the result code in their low byte.
  return OUTAGES[errcode & 0xff];
}

/** The error for a database that can't be used. */
export function databaseError(path: string, cause: unknown): SweepError {
  const reason = sqliteOutage(cause) ?? (cause instanceof Error ? cause.message : String(cause));
  return new SweepError('sweep-database', `${path} can't be used: ${reason}.`, { cause });
}

function builtIn(): Sqlite | undefined {
  const warn = process.emitWarning;
  // Node 22 warns that the module is experimental.
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule?.('node:sqlite') as Sqlite | undefined;
  } finally {
    process.emitWarning = warn;
  }
}

async function fromPackage(): Promise<Sqlite> {
  try {
    return (await import(PACKAGE)) as Sqlite;
  } catch (cause) {
    const command = installCommand(`${PACKAGE}@1`, fileURLToPath(import.meta.url));
    throw new SweepError(
      'sweep-database',
      `sweeps need SQLite, which Node has from version 22.13 on. This is ${process.version}.`,
      { cause, remedies: [{ text: `Use a newer Node, or install a package: ${command}` }] },
    );
  }
}
