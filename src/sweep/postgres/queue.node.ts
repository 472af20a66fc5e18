/**
 * The queue of a sweep in pg-boss. It gives each job to one worker at a time, and takes it back from a worker that no longer reports. Any
 * worker supervises the queue for all of them.
 *
 * Every job has its own priority, so a job that was taken back keeps its place in the queue and can be fetched by its priority.
 */
import { SweepError } from '../../errors.ts';
import { type Connection, databaseError } from './connection.node.ts';
import { type BossDatabase, loadPgBoss, type PgBoss, type QueueAttempt, type Sql } from './packages.node.ts';
import { QUEUE_SCHEMA } from './tables.ts';

/** The job of a trial at a rung. */
export interface QueuedJob {
  readonly trial: number;
  readonly rung: number;
}

/** After this time without a heartbeat, a job is taken back. In seconds; pg-boss allows no less. */
const HEARTBEAT_SECONDS = 10;
/** How often a worker looks for workers that no longer report, in seconds. */
const SUPERVISE_SECONDS = 1;
/** A day, after which pg-boss takes back any job, whether its worker is alive or not. In seconds. */
const EXPIRE_SECONDS = 86_400;
/** How long a job may wait, in seconds: ten years. */
const RETENTION_SECONDS = 315_360_000;
/** Attempts are unlimited. The store counts failures. */
const RETRY_LIMIT = 1_000_000_000;
/** Above the number of trials in a sweep. */
const PER_RUNG = 100_000_000;

export class SweepQueue {
  readonly #boss: PgBoss;
  readonly #name: string;

  private constructor(boss: PgBoss, name: string) {
    this.#boss = boss;
    this.#name = name;
  }

  /**
   * Opens the queue of a sweep, and creates it if it is missing.
   *
   * @param supervises Whether to take back jobs from workers that no longer report.
   * @throws {SweepError} `sweep-database`
   */
  static async open(connection: Connection, sweepId: string, supervises: boolean): Promise<SweepQueue> {
    const { pool, url } = connection;
    const PgBoss = await loadPgBoss();
    const boss = new PgBoss({
      ...{ db: inSql(pool), schema: QUEUE_SCHEMA, supervise: supervises, schedule: false },
      ...{ superviseIntervalSeconds: SUPERVISE_SECONDS, monitorIntervalSeconds: SUPERVISE_SECONDS },
      ...{
        reindex: false,
        monitorVacuum: false,
        registerInstance: false,
        createSchema: await lacksSchema(pool),
      },
    });
    // Background tasks that fail are tried again. A request of this program fails where it is made.
    boss.on('error', () => {});
    boss.on('warning', () => {});
    try {
      await boss.start();
      const name = `sweep-${sweepId}`;
      await boss.createQueue(name, {
        ...{ heartbeatSeconds: HEARTBEAT_SECONDS, expireInSeconds: EXPIRE_SECONDS },
        ...{ retentionSeconds: RETENTION_SECONDS, retryLimit: RETRY_LIMIT, retryDelay: 0 },
      });
      return new SweepQueue(boss, name);
    } catch (error) {
      await boss.stop({ graceful: false }).catch(() => {});
      throw error instanceof SweepError ? error : databaseError(url, error);
    }
  }

  async add(sql: Sql, jobs: readonly (QueuedJob & { readonly id: string })[]): Promise<void> {
    if (jobs.length === 0) return;
    const entries = jobs.map(({ id, trial, rung }) => ({
      ...{ id, data: { trial, rung }, priority: priorityOf({ trial, rung }) },
    }));
    await this.#boss.insert(this.#name, entries, { db: inSql(sql) });
  }

  /** Takes the next job: the highest rung first, then the lowest trial number. */
  async take(sql: Sql): Promise<(QueueAttempt & { readonly job: QueuedJob }) | undefined> {
    const [found] = await this.#boss.fetch(this.#name, { db: inSql(sql), includeMetadata: true });
    return found && { id: found.id, retryCount: found.retryCount, job: found.data as QueuedJob };
  }

  /**
   * Keeps a job. If it was taken back, after an outage for example, and is still free, it is taken again.
   *
   * @param isOld Whether the queue would soon take back the job because of its age.
   * @returns the attempt that has the job now; undefined if another worker has it
   */
  async keep(
    sql: Sql,
    {
      attempt,
      job,
      isOld,
    }: { readonly attempt: QueueAttempt; readonly job: QueuedJob; readonly isOld: boolean },
  ): Promise<QueueAttempt | undefined> {
    const db = inSql(sql);
    const { affected } = isOld
      ? await this.#boss.fail(this.#name, attempt, null, { db })
      : await this.#boss.touch(this.#name, attempt, { db });
    if (affected > 0 && !isOld) return attempt;
    const priority = priorityOf(job);
    const [found] = await this.#boss.fetch(this.#name, {
      ...{ db, includeMetadata: true, ignoreStartAfter: true, minPriority: priority, maxPriority: priority },
    });
    return found && { id: found.id, retryCount: found.retryCount };
  }

  async complete(sql: Sql, attempt: QueueAttempt): Promise<void> {
    await this.#boss.complete(this.#name, attempt, null, { db: inSql(sql) });
  }

  /** Puts a job back. */
  async release(sql: Sql, attempt: QueueAttempt): Promise<void> {
    await this.#boss.fail(this.#name, attempt, null, { db: inSql(sql) });
  }

  async close(): Promise<void> {
    await this.#boss.stop({ graceful: false });
  }
}

function priorityOf({ trial, rung }: QueuedJob): number {
  return (rung + 1) * PER_RUNG - trial;
}

/** If someone else has made the schema, this user may lack the right to make it. */
async function lacksSchema(sql: Sql): Promise<boolean> {
  const { rows } = await sql.query('SELECT to_regnamespace($1) AS schema', [QUEUE_SCHEMA]);
  return rows[0]?.schema === null;
}

function inSql(sql: Sql): BossDatabase {
  return { executeSql: (text, values) => sql.query(text, values) };
}
