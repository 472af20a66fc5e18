/**
 * The packages for PostgreSQL, which are optional: pg-boss, the queue, and pg, the client. These are the parts of them that this program
 * uses.
 */
import { fileURLToPath } from 'node:url';
import { SweepError } from '../../errors.ts';
import { installCommand } from '../../util/install-command.node.ts';

/** Runs statements: a pool of connections, or one connection in a transaction. */
export interface Sql {
  query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: Readonly<Record<string, unknown>>[]; readonly rowCount: number | null }>;
}

export interface PgClient extends Sql {
  /** @param error Closes the connection, which is in an unknown state. */
  release(error?: boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

export interface PgPool extends Sql {
  connect(): Promise<PgClient>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** How pg-boss runs its statements. */
export interface BossDatabase {
  executeSql(text: string, values?: readonly unknown[]): ReturnType<Sql['query']>;
}

/** A job of the queue, as one of its attempts: a later attempt has a higher count. */
export interface QueueAttempt {
  readonly id: string;
  readonly retryCount: number;
}

export interface QueueJob {
  readonly id: string;
  readonly data: unknown;
  readonly priority: number;
}

interface InDatabase {
  readonly db?: BossDatabase;
}

interface Affected {
  readonly affected: number;
}

export interface PgBoss {
  start(): Promise<unknown>;
  stop(options: { readonly graceful: boolean }): Promise<void>;
  on(event: 'error' | 'warning', listener: (error: unknown) => void): unknown;
  createQueue(name: string, options: Readonly<Record<string, unknown>>): Promise<void>;
  insert(name: string, jobs: readonly QueueJob[], options?: InDatabase): Promise<unknown>;
  fetch(
    name: string,
    options: InDatabase & {
      readonly includeMetadata: true;
      readonly minPriority?: number;
      readonly maxPriority?: number;
      readonly ignoreStartAfter?: boolean;
    },
  ): Promise<readonly (QueueAttempt & { readonly data: unknown })[]>;
  touch(name: string, job: QueueAttempt, options?: InDatabase): Promise<Affected>;
  fail(name: string, job: QueueAttempt, data: null, options?: InDatabase): Promise<Affected>;
  complete(name: string, job: QueueAttempt, data: null, options?: InDatabase): Promise<Affected>;
}

export type PgPoolClass = new (config: Readonly<Record<string, unknown>>) => PgPool;
export type PgBossClass = new (config: Readonly<Record<string, unknown>>) => PgBoss;

/** The first Node for which pg-boss is made. */
const SUPPORTED_NODE = [22, 12] as const;

/** @throws {SweepError} `sweep-database` if pg is not installed */
export async function loadPg(): Promise<PgPoolClass> {
  const pg = (await load('pg')) as { readonly default: { readonly Pool: PgPoolClass } };
  return pg.default.Pool;
}

/** @throws {SweepError} `sweep-database` if pg-boss is not installed */
export async function loadPgBoss(): Promise<PgBossClass> {
  const boss = (await quietly(() => load('pg-boss'))) as { readonly PgBoss: PgBossClass };
  return boss.PgBoss;
}

async function load(name: string): Promise<unknown> {
  try {
    return await import(name);
  } catch (cause) {
    const command = installCommand('pg-boss@12 pg@8', fileURLToPath(import.meta.url));
    throw new SweepError('sweep-database', `sweeps on PostgreSQL need the package ${name}.`, {
      cause,
      remedies: [{ text: `Install two packages: ${command}` }],
    });
  }
}

/** Node 20 warns that pg-boss imports a JSON file, which does not concern the user. */
async function quietly<T>(use: () => Promise<T>): Promise<T> {
  const warn = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return await use();
  } finally {
    process.emitWarning = warn;
  }
}

/**
 * A warning about a version of Node for which pg-boss is not made; undefined for the others.
 *
 * @param version Default: the version that runs this program.
 */
export function oldNodeWarning(version = process.versions.node): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isSupported =
    major > SUPPORTED_NODE[0] || (major === SUPPORTED_NODE[0] && minor >= SUPPORTED_NODE[1]);
  if (isSupported) return undefined;
  return `pg-boss, the queue of sweeps on PostgreSQL, is made for Node ${SUPPORTED_NODE.join('.')} and later, and this is Node ${version}. It has worked with Node 20.20.`;
}
