/**
 * The state of a sweep in PostgreSQL, for any number of processes on any number of machines.
 *
 * A job is in two tables: in the queue of pg-boss, which decides who has it, and in `job`, which keeps its results. Both change in one
 * transaction. A transaction that changes a job locks the row of the sweep first, if it decides a rung, then the job in the queue, then
 * `job`: in one order, so that no two wait for each other. Times are those of the server.
 */
import { SweepError } from '../../errors.ts';
import { type NextJob, nextJobs } from '../schedule.ts';
import {
  type Claim,
  type JobCounts,
  type JobOutcome,
  type JobProgress,
  type JobRecord,
  type JobState,
  MAX_FAILURES,
  type SweepRecord,
  type SweepStore,
  type TrialEvaluation,
  type TrialPlan,
  type TrialRecord,
} from '../store.ts';
import {
  evaluationOf,
  JOB_COLUMNS,
  jobOf,
  planOf,
  type Row,
  rungJobOf,
  TRIAL_COLUMNS,
  trialOf,
} from '../store-rows.ts';
import { type Connection, isOutage } from './connection.node.ts';
import { hidePassword } from './database-url.ts';
import { insertJobs, insertTrials, queuedJobOf } from './insert-jobs.node.ts';
import type { QueueAttempt, Sql } from './packages.node.ts';
import { SweepQueue } from './queue.node.ts';
import type { SweepIdentity } from './sweeps.node.ts';
import { SCHEMA } from './tables.ts';

/** A worker that has not reported for this time is not shown as running. */
const SILENT = "interval '10 seconds'";
/** The queue takes back a job after a day. A worker takes it again after half a day, which is early enough. */
const OLD = "interval '12 hours'";

/**
 * Opens a sweep of a database. Closing the store closes the connection.
 *
 * @param options.isWorker Whether this process takes jobs: then it also takes back those of workers that no longer report.
 * @throws {SweepError} `sweep-missing`; `sweep-database`
 */
export async function openPostgresStore(
  connection: Connection,
  identity: SweepIdentity,
  { isWorker }: { readonly isWorker: boolean },
): Promise<SweepStore> {
  const store = new PostgresStore(connection, identity);
  if (isWorker) await store.openQueue(true);
  return store;
}

const OF_CLAIM = "sweep = $1 AND trial = $2 AND rung = $3 AND attempt = $4 AND state = 'running'";
const LAST_ENDED = `NOT EXISTS (SELECT 1 FROM ${SCHEMA}.job AS higher WHERE higher.sweep = job.sweep AND higher.trial = job.trial
  AND higher.rung > job.rung AND higher.state IN ('done', 'exploded', 'failed'))`;
const WITH_TRIAL = `SELECT ${TRIAL_COLUMNS} FROM ${SCHEMA}.job JOIN ${SCHEMA}.trial
  ON trial.sweep = job.sweep AND trial.number = job.trial WHERE job.sweep = $1`;

class PostgresStore implements SweepStore {
  readonly #connection: Connection;
  readonly #sweep: SweepIdentity;
  #queue: SweepQueue | undefined;

  constructor(connection: Connection, sweep: SweepIdentity) {
    this.#connection = connection;
    this.#sweep = sweep;
  }

  /** Commands that only show the state need no queue. */
  async openQueue(supervises = false): Promise<SweepQueue> {
    this.#queue ??= await SweepQueue.open(this.#connection, this.#sweep.id, supervises);
    return this.#queue;
  }

  async record(): Promise<SweepRecord> {
    const [row] = await this.#all(`SELECT * FROM ${SCHEMA}.sweep WHERE name = $1`);
    if (!row) throw this.#deleted();
    return {
      name: String(row.name),
      definition: JSON.parse(String(row.definition)),
      text: JSON.parse(String(row.text)),
      programVersion: String(row.program_version),
      isStopped: row.stopped === true,
    };
  }

  async addTrials(trials: readonly TrialPlan[]): Promise<void> {
    const queue = await this.openQueue();
    await this.#connection.transaction(async (sql) => {
      await this.#lock(sql);
      await insertTrials(sql, queue, this.#sweep.name, trials);
    });
  }

  async trialCount(): Promise<number> {
    const [row] = await this.#all(`SELECT count(*) AS count FROM ${SCHEMA}.trial WHERE sweep = $1`);
    return Number(row?.count);
  }

  async claim(worker: string): Promise<Claim | undefined> {
    const queue = await this.openQueue();
    const { name } = this.#sweep;
    return await this.#connection.transaction(async (sql) => {
      if (await this.#isStopped(sql)) return undefined;
      const taken = await queue.take(sql);
      if (!taken) return undefined;
      const { trial, rung } = taken.job;
      const { rows } = await sql.query(
        `UPDATE ${SCHEMA}.trial SET attempt = attempt + 1 WHERE sweep = $1 AND number = $2 RETURNING *`,
        [name, trial],
      );
      const [row] = rows;
      if (!row) throw this.#deleted();
      const attempt = Number(row.attempt);
      await sql.query(
        `UPDATE ${SCHEMA}.job SET state = 'running', attempt = $4, worker = $5, heard = now(), fetched = now(), queue_attempt = $6,
         at_iteration = NULL, rest_milliseconds = NULL WHERE sweep = $1 AND trial = $2 AND rung = $3`,
        [name, trial, rung, attempt, worker, taken.retryCount],
      );
      return { trial: planOf(row), rung, attempt };
    });
  }

  async heartbeat(claim: Claim, progress: JobProgress | undefined): Promise<'kept' | 'lost' | 'stop'> {
    return await this.#connection.transaction(async (sql) => {
      if (!(await this.#keep(sql, claim))) return 'lost';
      const { rowCount } = await sql.query(
        `UPDATE ${SCHEMA}.job SET heard = now(), at_iteration = coalesce($5, at_iteration),
         rest_milliseconds = coalesce($6, rest_milliseconds) WHERE ${OF_CLAIM}`,
        [...this.#keyOf(claim), progress?.iteration ?? null, progress?.restMilliseconds ?? null],
      );
      if (rowCount === 0) return 'lost';
      return (await this.#isStopped(sql)) ? 'stop' : 'kept';
    });
  }

  async report(claim: Claim, evaluation: TrialEvaluation): Promise<boolean> {
    return await this.#connection.transaction(async (sql) => {
      if (!(await this.#keep(sql, claim))) return false;
      const isNew = await this.#addEvaluations(sql, claim, [evaluation]);
      if (isNew)
        await sql.query(`UPDATE ${SCHEMA}.job SET failures = 0 WHERE ${OF_CLAIM}`, this.#keyOf(claim));
      return true;
    });
  }

  async finish(claim: Claim, outcome: JobOutcome): Promise<readonly NextJob[] | undefined> {
    const queue = await this.openQueue();
    return await this.#connection.transaction(async (sql) => {
      await this.#lock(sql);
      const attempt = await this.#keep(sql, claim);
      if (!attempt) return undefined;
      await queue.complete(sql, attempt);
      if (outcome.state === 'done') {
        await this.#addEvaluations(sql, claim, outcome.evaluations);
        const { loss, standardError, iteration } = outcome.best;
        await sql.query(
          `UPDATE ${SCHEMA}.job SET state = 'done', loss = $5, standard_error = $6, iteration = $7, checkpoint = $8, message = NULL
           WHERE ${OF_CLAIM}`,
          [...this.#keyOf(claim), loss, standardError ?? null, iteration, outcome.checkpoint],
        );
      } else {
        await sql.query(`UPDATE ${SCHEMA}.job SET state = $5, message = $6 WHERE ${OF_CLAIM}`, [
          ...this.#keyOf(claim),
          ...[outcome.state, outcome.message],
        ]);
      }
      return await this.#decide(sql, queue, claim);
    });
  }

  async release(claim: Claim, failure?: string): Promise<readonly NextJob[] | undefined> {
    const queue = await this.openQueue();
    return await this.#connection.transaction(async (sql) => {
      await this.#lock(sql);
      const attempt = await this.#keep(sql, claim);
      if (!attempt) return undefined;
      const { rows } = await sql.query(
        `UPDATE ${SCHEMA}.job SET state = CASE WHEN failures + $5 >= ${MAX_FAILURES} THEN 'failed' ELSE 'queued' END,
         failures = failures + $5, message = $6, heard = NULL WHERE ${OF_CLAIM} RETURNING state`,
        [...this.#keyOf(claim), failure === undefined ? 0 : 1, failure ?? null],
      );
      if (rows[0]?.state === 'queued') {
        await queue.release(sql, attempt);
        return undefined;
      }
      await queue.complete(sql, attempt);
      return await this.#decide(sql, queue, claim);
    });
  }

  async setStopped(isStopped: boolean): Promise<void> {
    await this.#connection.query(`UPDATE ${SCHEMA}.sweep SET stopped = $2 WHERE name = $1`, [
      ...[this.#sweep.name, isStopped],
    ]);
  }

  async retry(): Promise<number> {
    const queue = await this.openQueue();
    return await this.#connection.transaction(async (sql) => {
      await this.#lock(sql);
      const { rows } = await sql.query(
        `UPDATE ${SCHEMA}.job SET state = 'queued', failures = 0, queue_id = gen_random_uuid()
         WHERE sweep = $1 AND state = 'failed' RETURNING trial, rung, queue_id`,
        [this.#sweep.name],
      );
      await queue.add(sql, rows.map(queuedJobOf));
      return rows.length;
    });
  }

  async counts(): Promise<JobCounts> {
    const rows = await this.#all(
      `SELECT rung, state, count(*) AS count FROM ${SCHEMA}.job WHERE sweep = $1 GROUP BY rung, state ORDER BY rung, state`,
    );
    return rows.map(({ rung, state, count }) => ({
      ...{ rung: Number(rung), state: state as JobState, count: Number(count) },
    }));
  }

  async running(): Promise<JobRecord[]> {
    const rows = await this.#all(
      `SELECT ${JOB_COLUMNS} FROM ${SCHEMA}.job WHERE sweep = $1 AND state = 'running' AND heard >= now() - ${SILENT} ORDER BY rung DESC, trial`,
    );
    return rows.map(jobOf);
  }

  async best(count: number): Promise<TrialRecord[]> {
    const sql = `${WITH_TRIAL} AND state = 'done' AND ${LAST_ENDED} ORDER BY loss, job.trial LIMIT $2`;
    return (await this.#all(sql, count)).map(trialOf);
  }

  async trials(): Promise<TrialRecord[]> {
    const sql = `${WITH_TRIAL} AND rung = (SELECT max(rung) FROM ${SCHEMA}.job AS own WHERE own.sweep = $1 AND own.trial = job.trial)
      ORDER BY job.trial`;
    return (await this.#all(sql)).map(trialOf);
  }

  async jobs(): Promise<JobRecord[]> {
    const sql = `SELECT ${JOB_COLUMNS} FROM ${SCHEMA}.job WHERE sweep = $1 ORDER BY trial, rung`;
    return (await this.#all(sql)).map(jobOf);
  }

  async evaluations(trial: number): Promise<TrialEvaluation[]> {
    const sql = `SELECT * FROM ${SCHEMA}.evaluation WHERE sweep = $1 AND trial = $2 ORDER BY iteration`;
    return (await this.#all(sql, trial)).map(evaluationOf);
  }

  async allEvaluations() {
    const sql = `SELECT * FROM ${SCHEMA}.evaluation WHERE sweep = $1 ORDER BY trial, iteration`;
    return (await this.#all(sql)).map((row) => ({ trial: Number(row.trial), ...evaluationOf(row) }));
  }

  isOutage(error: unknown): boolean {
    return isOutage(error);
  }

  async close(): Promise<void> {
    await this.#queue?.close();
    await this.#connection.close();
  }

  /** The attempt in the queue that has the job of a claim; undefined if another worker has it. */
  async #keep(sql: Sql, claim: Claim): Promise<QueueAttempt | undefined> {
    const { rows } = await sql.query(
      `SELECT queue_id, queue_attempt, fetched < now() - ${OLD} AS is_old FROM ${SCHEMA}.job WHERE ${OF_CLAIM}`,
      this.#keyOf(claim),
    );
    const [row] = rows;
    if (!row) return undefined;
    const queue = await this.openQueue();
    const attempt = { id: String(row.queue_id), retryCount: Number(row.queue_attempt) };
    const job = { trial: claim.trial.number, rung: claim.rung };
    const kept = await queue.keep(sql, { attempt, job, isOld: row.is_old === true });
    if (kept && kept.retryCount !== attempt.retryCount)
      await sql.query(`UPDATE ${SCHEMA}.job SET queue_attempt = $5, fetched = now() WHERE ${OF_CLAIM}`, [
        ...this.#keyOf(claim),
        kept.retryCount,
      ]);
    return kept;
  }

  /** If all jobs of a rung have ended, makes those of the next one, and returns them. */
  async #decide(sql: Sql, queue: SweepQueue, { trial, rung }: Claim): Promise<readonly NextJob[]> {
    const ofBracket = `FROM ${SCHEMA}.job JOIN ${SCHEMA}.trial ON trial.sweep = job.sweep AND trial.number = $2
      WHERE job.sweep = $1 AND job.bracket = trial.bracket`;
    const { rowCount } = await sql.query(
      `SELECT 1 ${ofBracket} AND job.rung = $3 AND job.state IN ('queued', 'running') LIMIT 1`,
      [this.#sweep.name, trial.number, rung],
    );
    if (rowCount !== 0) return [];
    const { rows } = await sql.query(`SELECT job.trial, job.rung, job.state, job.loss ${ofBracket}`, [
      ...[this.#sweep.name, trial.number],
    ]);
    const { rows: sweeps } = await sql.query(`SELECT definition FROM ${SCHEMA}.sweep WHERE name = $1`, [
      this.#sweep.name,
    ]);
    const { eta } = JSON.parse(String(sweeps[0]?.definition));
    const next = nextJobs(rows.map(rungJobOf), { rungs: trial.rungs.length, eta });
    await insertJobs(sql, queue, this.#sweep.name, next);
    return next;
  }

  /** Returns whether one of them is new. */
  async #addEvaluations(
    sql: Sql,
    { trial }: Claim,
    evaluations: readonly TrialEvaluation[],
  ): Promise<boolean> {
    const { rows } = await sql.query(
      `INSERT INTO ${SCHEMA}.evaluation (sweep, trial, iteration, epoch, loss, standard_error)
       SELECT $1, $2, iteration, epoch, loss, error FROM json_to_recordset($3)
         AS given (iteration INTEGER, epoch DOUBLE PRECISION, loss DOUBLE PRECISION, error DOUBLE PRECISION)
       ON CONFLICT (sweep, trial, iteration) DO UPDATE SET loss = excluded.loss,
         standard_error = coalesce(excluded.standard_error, evaluation.standard_error)
       RETURNING xmax = 0 AS is_new`,
      [
        ...[this.#sweep.name, trial.number],
        JSON.stringify(evaluations.map(({ standardError, ...one }) => ({ ...one, error: standardError }))),
      ],
    );
    return rows.some((row) => row.is_new === true);
  }

  /** Of two jobs that end at once, the second one waits, and sees the end of the first. */
  async #lock(sql: Sql): Promise<void> {
    await sql.query(`SELECT 1 FROM ${SCHEMA}.sweep WHERE name = $1 FOR NO KEY UPDATE`, [this.#sweep.name]);
  }

  async #isStopped(sql: Sql): Promise<boolean> {
    const { rows } = await sql.query(`SELECT stopped FROM ${SCHEMA}.sweep WHERE name = $1`, [
      this.#sweep.name,
    ]);
    if (!rows[0]) throw this.#deleted();
    return rows[0].stopped === true;
  }

  #deleted(): SweepError {
    const { name } = this.#sweep;
    return new SweepError(
      'sweep-missing',
      `the sweep ${name} was deleted from ${hidePassword(this.#connection.url)}.`,
    );
  }

  #keyOf({ trial, rung, attempt }: Claim): readonly [string, number, number, number] {
    return [this.#sweep.name, trial.number, rung, attempt];
  }

  /** The rows of a statement about the sweep, whose name is `$1`. */
  async #all(sql: string, ...values: (string | number)[]): Promise<Row[]> {
    const { rows } = await this.#connection.query(sql, [this.#sweep.name, ...values]);
    return rows;
  }
}
