/** A connection to a PostgreSQL server. Everything that would prevent a sweep is found when the connection is made. */
import { CharRnnError, SweepError } from '../../errors.ts';
import { describeSystemError } from '../../util/system-error.ts';
import { checkDatabaseUrl, databaseOf, hidePassword, userOf } from './database-url.ts';
import { loadPg, type PgPool, type Sql } from './packages.node.ts';
import { SCHEMA, SCHEMA_SQL, SCHEMA_VERSION } from './tables.ts';

export interface Connection {
  readonly url: string;
  readonly pool: PgPool;
  /** Runs one statement. @throws {SweepError} `sweep-database` */
  readonly query: Sql['query'];
  /** Runs statements that take effect together, or not at all. @throws {SweepError} `sweep-database` */
  transaction<T>(use: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** The oldest server that has everything that pg-boss and this program use. */
const OLDEST_SERVER = 13;
/** Connections of one process: several jobs report at once. */
const MAX_CONNECTIONS = 6;
/** Time for a new connection, in milliseconds. */
const CONNECT_TIMEOUT = 10_000;
/** Time for a statement, in milliseconds. A server that has vanished from the network never answers. */
const QUERY_TIMEOUT = 30_000;
/**
 * How long a transaction may be idle, in milliseconds. After that, the server ends it: a machine that goes to sleep during a transaction
 * would keep all others waiting.
 */
const IDLE_TIMEOUT = 5000;

/**
 * Connects to a database, and makes the tables of sweeps if they are missing.
 *
 * @param isReadOnly Whether nothing is written. Then the server refuses writes, and missing tables are an error.
 * @throws {SweepError} `sweep-database` if a package or the server is missing, the server is too old, or the user lacks a permission;
 *   `sweep-newer` for the tables of a later version; `sweep-missing` if there are no tables, and none may be made
 */
export async function connect(url: string, isReadOnly = false): Promise<Connection> {
  checkDatabaseUrl(url);
  const Pool = await loadPg();
  const pool = new Pool({
    ...{ connectionString: url, max: MAX_CONNECTIONS, application_name: 'char-rnn', keepAlive: true },
    ...{ connectionTimeoutMillis: CONNECT_TIMEOUT, query_timeout: QUERY_TIMEOUT },
    idle_in_transaction_session_timeout: IDLE_TIMEOUT,
    ...(isReadOnly && { options: '-c default_transaction_read_only=on' }),
  });
  // An idle connection that breaks is replaced by the pool.
  pool.on('error', () => {});
  try {
    await checkServer(pool, url);
    await prepareTables(pool, url, isReadOnly);
  } catch (error) {
    await pool.end();
    throw error instanceof SweepError ? error : databaseError(url, error);
  }
  const inWords = (error: unknown): never => {
    throw isOfDatabase(error) ? databaseError(url, error) : error;
  };
  return {
    ...{ url, pool },
    query: (text, values) => pool.query(text, values).catch(inWords),
    transaction: (use) => inTransaction(pool, use).catch(inWords),
    close: () => pool.end(),
  };
}

/** @throws {SweepError} `sweep-database` for an old server */
export async function checkServer(pool: Sql, url: string): Promise<void> {
  const { rows } = await pool.query('SHOW server_version');
  const version = String(rows[0]?.server_version);
  if (Number.parseInt(version, 10) >= OLDEST_SERVER) return;
  throw new SweepError(
    'sweep-database',
    `${hidePassword(url)} is PostgreSQL ${version}. Sweeps need version ${OLDEST_SERVER} or later.`,
  );
}

async function prepareTables(pool: PgPool, url: string, isReadOnly: boolean): Promise<void> {
  if ((await versionOfTables(pool)) === undefined) {
    if (isReadOnly) throw new SweepError('sweep-missing', `the database ${hidePassword(url)} has no sweeps.`);
    await inTransaction(pool, async (sql) => {
      // If several processes start at once, only one of them makes the tables.
      await sql.query("SELECT pg_advisory_xact_lock(hashtext('char-rnn tables'))");
      if ((await versionOfTables(sql)) !== undefined) return;
      const { rows } = await sql.query('SELECT to_regnamespace($1) AS schema', [SCHEMA]);
      if (rows[0]?.schema === null) await sql.query(`CREATE SCHEMA ${SCHEMA}`);
      await sql.query(SCHEMA_SQL);
      await sql.query(`INSERT INTO ${SCHEMA}.version VALUES ($1)`, [SCHEMA_VERSION]);
    });
  }
  const version = (await versionOfTables(pool)) ?? 0;
  if (version <= SCHEMA_VERSION) return;
  throw new SweepError(
    'sweep-newer',
    `the tables in ${hidePassword(url)} are from a newer version of this program: their format is ${version}, and this program reads ${SCHEMA_VERSION}.`,
  );
}

async function versionOfTables(sql: Sql): Promise<number | undefined> {
  const { rows: found } = await sql.query('SELECT to_regclass($1) AS name', [`${SCHEMA}.version`]);
  if (found[0]?.name === null) return undefined;
  const { rows } = await sql.query(`SELECT number FROM ${SCHEMA}.version`);
  return rows[0] && Number(rows[0].number);
}

async function inTransaction<T>(pool: PgPool, use: (sql: Sql) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isBroken = false;
  // The statement in flight fails with the same error.
  const onError = () => {
    isBroken = true;
  };
  client.on('error', onError);
  try {
    await client.query('BEGIN');
    const result = await use(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A connection that does not answer can't be rolled back: the server does that when it is closed.
    if (!isBroken && !isOutage(error)) await client.query('ROLLBACK').catch(onError);
    else isBroken = true;
    throw error;
  } finally {
    client.off('error', onError);
    client.release(isBroken);
  }
}

/** SQLSTATEs (postgresql.org/docs/current/errcodes-appendix.html): connection lost, no resources, shutdown, conflict, read-only, system error. */
const PASSING = /^(08...|53...|57P0.|57014|40...|55P03|25006|25P03|58...)$/;
const SYSTEM: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'],
  ...['ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'ENOENT'],
]);
const SQLSTATE = /^[0-9A-Z]{5}$/;
/** Errors of the client that have no code. */
const LOST = /connection terminated|timeout|connection error|not queryable|connection (is )?closed/i;

/** Whether an error means that the server can't be used at the moment, but perhaps later. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof SweepError) return isOutage(error.cause);
  const { code } = error as { readonly code?: unknown };
  if (typeof code === 'string') return PASSING.test(code) || SYSTEM.has(code);
  return LOST.test(error.message);
}

/** Whether an error comes from the server, or from the connection to it. */
function isOfDatabase(error: unknown): boolean {
  if (error instanceof CharRnnError) return false;
  const { code } = error as { readonly code?: unknown };
  return isOutage(error) || (typeof code === 'string' && SQLSTATE.test(code));
}

/** One sentence about why a database can't be used. */
export function databaseError(url: string, cause: unknown): SweepError {
  const { code } = cause as { readonly code?: unknown };
  const place = hidePassword(url);
  const reason = cause instanceof Error && cause.message !== '' ? cause.message : describeSystemError(cause);
  if (code === '42501') {
    const isForDatabase = /for database/.test(reason);
    const grant = `Let its owner run: GRANT CREATE ON DATABASE ${databaseOf(url)} TO ${userOf(url)}`;
    return new SweepError('sweep-database', `the user of ${place} lacks a permission: ${reason}.`, {
      cause,
      remedies: [
        {
          text: isForDatabase
            ? grant
            : 'Connect as the user who has started the first sweep in this database',
        },
      ],
    });
  }
  if (isOutage(cause))
    return new SweepError('sweep-database', `${place} can't be reached: ${describeSystemError(cause)}.`, {
      cause,
    });
  return new SweepError('sweep-database', `${place} can't be used: ${reason}.`, { cause });
}
