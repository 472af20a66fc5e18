/** The state of a sweep in an SQLite file, for any number of processes on one machine. Every commit is synced to disk. */
import { existsSync, statSync } from 'node:fs';
import { SweepError } from '../errors.ts';
import { VERSION } from '../util/version.ts';
import { type NextJob, nextJobs } from './schedule.ts';
import {
  type Database,
  databaseError,
  openDatabase,
  openReadOnly,
  type SqlValue,
  type Statement,
  sqliteOutage,
} from './sqlite.node.ts';
import { SCHEMA_SQL, SCHEMA_VERSION } from './sqlite-tables.ts';
import {
  type Claim,
  type JobOutcome,
  type JobProgress,
  type JobRecord,
  type JobState,
  MAX_FAILURES,
  type NewSweep,
  type SweepRecord,
  type SweepStore,
  type TrialEvaluation,
  type TrialPlan,
  type TrialRecord,
} from './store.ts';
import {
  evaluationOf,
  JOB_COLUMNS,
  jobOf,
  planOf,
  type Row,
  rungJobOf,
  TRIAL_COLUMNS,
  trialOf,
} from './store-rows.ts';

/** After this time without a heartbeat, another worker takes over a job. In milliseconds. */
export const LEASE = 8000;
/** How long a process waits for a transaction of another one, in milliseconds. */
const BUSY_TIMEOUT = 10_000;

/** Makes the file of a sweep. @throws {SweepError} `sweep-database` */
export async function createSqliteStore(path: string, sweep: NewSweep): Promise<SweepStore> {
  const database = await connected(path);
  try {
    database.exec(`BEGIN IMMEDIATE; ${SCHEMA_SQL}`);
    database
      .prepare('INSERT INTO sweep (name, definition, text, program_version) VALUES (?, ?, ?, ?)')
      .run(sweep.name, JSON.stringify(sweep.definition), JSON.stringify(sweep.text), VERSION);
    database.exec('COMMIT');
  } catch (error) {
    database.close();
    throw databaseError(path, error);
  }
  return new SqliteStore(database, path);
}

/**
 * Opens the file of a sweep.
 *
 * @param isReadOnly Whether it is only read: then nothing in its folder changes.
 * @throws {SweepError} `sweep-missing`; `sweep-newer` if a later version of the program made it; `sweep-database`
 */
export async function openSqliteStore(path: string, isReadOnly = false): Promise<SweepStore> {
  if (!existsSync(path)) throw new SweepError('sweep-missing', `there is no sweep in ${path}.`);
  const database = isReadOnly ? await openReadOnly(path) : await connected(path);
  let version: number;
  try {
    version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  } catch (error) {
    database.close();
    throw databaseError(path, error);
  }
  if (version === SCHEMA_VERSION) return new SqliteStore(database, path);
  database.close();
  if (version > SCHEMA_VERSION)
    throw new SweepError(
      'sweep-newer',
      `${path} is from a newer version of this program: its format is ${version}, and this program reads ${SCHEMA_VERSION}.`,
    );
  throw new SweepError('sweep-database', `${path} is not the file of a sweep.`);
}

async function connected(path: string): Promise<Database> {
  const database = await openDatabase(path);
  try {
    database.exec(
      `PRAGMA busy_timeout = ${BUSY_TIMEOUT}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;`,
    );
  } catch (error) {
    database.close();
    throw databaseError(path, error);
  }
  return database;
}

const OF_CLAIM = "trial = ? AND rung = ? AND attempt = ? AND state = 'running'";
const LAST_ENDED =
  "NOT EXISTS (SELECT 1 FROM job AS higher WHERE higher.trial = job.trial AND higher.rung > job.rung AND higher.state IN ('done', 'exploded', 'failed'))";

class SqliteStore implements SweepStore {
  readonly #database: Database;
  readonly #path: string;
  readonly #file: string | undefined;
  readonly #statements = new Map<string, Statement>();

  constructor(database: Database, path: string) {
    this.#database = database;
    this.#path = path;
    this.#file = fileAt(path);
  }

  async record(): Promise<SweepRecord> {
    this.#checkFile();
    const row = this.#get('SELECT * FROM sweep') as Row;
    return {
      name: String(row.name),
      definition: JSON.parse(String(row.definition)),
      text: JSON.parse(String(row.text)),
      programVersion: String(row.program_version),
      isStopped: row.stopped === 1,
    };
  }

  async addTrials(trials: readonly TrialPlan[]): Promise<void> {
    this.#transaction(() => {
      const bracket = Number(this.#get('SELECT coalesce(max(bracket), 0) + 1 AS next FROM trial')?.next);
      for (const { number, parameters, evaluateEvery, rungs } of trials) {
        const added = this.#run(
          'INSERT INTO trial (number, bracket, parameters, evaluate_every, rungs) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
          ...[number, bracket, JSON.stringify(parameters), evaluateEvery, JSON.stringify(rungs)],
        );
        if (added) this.#addJob({ trial: number, rung: 0 });
      }
    });
  }

  async trialCount(): Promise<number> {
    return Number(this.#get('SELECT count(*) AS count FROM trial')?.count);
  }

  async claim(worker: string): Promise<Claim | undefined> {
    return this.#transaction(() => {
      if (this.#isStopped()) return undefined;
      const now = Date.now();
      const next =
        // Jobs of lost workers come first, because they are the oldest.
        this.#get(
          "SELECT trial, rung FROM job WHERE state = 'running' AND heard < ? ORDER BY rung DESC, trial LIMIT 1",
          now - LEASE,
        ) ??
        this.#get("SELECT trial, rung FROM job WHERE state = 'queued' ORDER BY rung DESC, trial LIMIT 1");
      if (!next) return undefined;
      const [trial, rung] = [Number(next.trial), Number(next.rung)];
      this.#run('UPDATE trial SET attempt = attempt + 1 WHERE number = ?', trial);
      const row = this.#get('SELECT * FROM trial WHERE number = ?', trial) as Row;
      const attempt = Number(row.attempt);
      this.#run(
        "UPDATE job SET state = 'running', attempt = ?, worker = ?, heard = ?, at_iteration = NULL, rest_milliseconds = NULL WHERE trial = ? AND rung = ?",
        ...[attempt, worker, now, trial, rung],
      );
      return { trial: planOf(row), rung, attempt };
    });
  }

  async heartbeat(claim: Claim, progress: JobProgress | undefined): Promise<'kept' | 'lost' | 'stop'> {
    if (this.#isGone()) return 'lost';
    const isKept = this.#run(
      `UPDATE job SET heard = ?, at_iteration = coalesce(?, at_iteration), rest_milliseconds = coalesce(?, rest_milliseconds) WHERE ${OF_CLAIM}`,
      ...[Date.now(), progress?.iteration ?? null, progress?.restMilliseconds ?? null],
      ...keyOf(claim),
    );
    if (!isKept) return 'lost';
    return this.#isStopped() ? 'stop' : 'kept';
  }

  async report(claim: Claim, evaluation: TrialEvaluation): Promise<boolean> {
    return this.#transaction(() => {
      if (!this.#holds(claim)) return false;
      const known = this.#get(
        'SELECT 1 AS one FROM evaluation WHERE trial = ? AND iteration = ?',
        ...[claim.trial.number, evaluation.iteration],
      );
      this.#addEvaluation(claim, evaluation);
      if (!known) this.#run(`UPDATE job SET failures = 0 WHERE ${OF_CLAIM}`, ...keyOf(claim));
      return true;
    });
  }

  async finish(claim: Claim, outcome: JobOutcome): Promise<readonly NextJob[] | undefined> {
    return this.#transaction(() => {
      if (!this.#holds(claim)) return undefined;
      if (outcome.state === 'done') {
        for (const evaluation of outcome.evaluations) this.#addEvaluation(claim, evaluation);
        const { loss, standardError, iteration } = outcome.best;
        this.#run(
          `UPDATE job SET state = 'done', loss = ?, standard_error = ?, iteration = ?, checkpoint = ?, message = NULL WHERE ${OF_CLAIM}`,
          ...[loss, standardError ?? null, iteration, outcome.checkpoint],
          ...keyOf(claim),
        );
      } else {
        this.#run(
          `UPDATE job SET state = ?, message = ? WHERE ${OF_CLAIM}`,
          ...[outcome.state, outcome.message],
          ...keyOf(claim),
        );
      }
      return this.#decide(claim);
    });
  }

  async release(claim: Claim, failure?: string): Promise<readonly NextJob[] | undefined> {
    return this.#transaction(() => {
      if (!this.#holds(claim)) return undefined;
      this.#run(
        `UPDATE job SET state = CASE WHEN failures + ? >= ${MAX_FAILURES} THEN 'failed' ELSE 'queued' END, failures = failures + ?, message = ?, heard = NULL WHERE ${OF_CLAIM}`,
        ...[failure === undefined ? 0 : 1, failure === undefined ? 0 : 1, failure ?? null],
        ...keyOf(claim),
      );
      const { number } = claim.trial;
      const row = this.#get('SELECT state FROM job WHERE trial = ? AND rung = ?', number, claim.rung);
      return row?.state === 'failed' ? this.#decide(claim) : undefined;
    });
  }

  async setStopped(isStopped: boolean): Promise<void> {
    this.#run('UPDATE sweep SET stopped = ?', Number(isStopped));
  }

  async retry(): Promise<number> {
    const changed = this.#statement("UPDATE job SET state = 'queued', failures = 0 WHERE state = 'failed'");
    return Number(changed.run().changes);
  }

  async counts() {
    return this.#all(
      'SELECT rung, state, count(*) AS count FROM job GROUP BY rung, state ORDER BY rung, state',
    ).map(({ rung, state, count }) => ({
      rung: Number(rung),
      state: state as JobState,
      count: Number(count),
    }));
  }

  async running(): Promise<JobRecord[]> {
    return this.#all(
      `SELECT ${JOB_COLUMNS} FROM job WHERE state = 'running' AND heard >= ? ORDER BY rung DESC, trial`,
      Date.now() - LEASE,
    ).map(jobOf);
  }

  async best(count: number): Promise<TrialRecord[]> {
    // The inner query walks along the index job_by_loss until it has enough jobs. Only then are their trials looked up.
    return this.#all(
      `SELECT ${TRIAL_COLUMNS} FROM (SELECT * FROM job WHERE state = 'done' AND ${LAST_ENDED} ORDER BY loss, trial LIMIT ?) AS job
       JOIN trial ON trial.number = job.trial ORDER BY job.loss, job.trial`,
      count,
    ).map(trialOf);
  }

  async trials(): Promise<TrialRecord[]> {
    return this.#all(
      `SELECT ${TRIAL_COLUMNS} FROM job JOIN trial ON trial.number = job.trial
       WHERE rung = (SELECT max(rung) FROM job AS own WHERE own.trial = job.trial) ORDER BY trial`,
    ).map(trialOf);
  }

  async jobs(): Promise<JobRecord[]> {
    return this.#all(`SELECT ${JOB_COLUMNS} FROM job ORDER BY trial, rung`).map(jobOf);
  }

  async evaluations(trial: number): Promise<TrialEvaluation[]> {
    const rows = this.#all('SELECT * FROM evaluation WHERE trial = ? ORDER BY iteration', trial);
    return rows.map(evaluationOf);
  }

  async allEvaluations() {
    const rows = this.#all('SELECT * FROM evaluation ORDER BY trial, iteration');
    return rows.map((row) => ({ trial: Number(row.trial), ...evaluationOf(row) }));
  }

  isOutage(error: unknown): boolean {
    return sqliteOutage(error) !== undefined;
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  /** If all jobs of a rung have ended, makes those of the next one, and returns them. */
  #decide({ trial, rung }: Claim): readonly NextJob[] {
    const bracket = Number(this.#get('SELECT bracket FROM trial WHERE number = ?', trial.number)?.bracket);
    const open = this.#get(
      "SELECT 1 AS one FROM job WHERE bracket = ? AND rung = ? AND state IN ('queued', 'running') LIMIT 1",
      ...[bracket, rung],
    );
    if (open) return [];
    const jobs = this.#all('SELECT trial, rung, state, loss FROM job WHERE bracket = ?', bracket);
    const { eta } = JSON.parse(String(this.#get('SELECT definition FROM sweep')?.definition));
    const next = nextJobs(jobs.map(rungJobOf), { rungs: trial.rungs.length, eta });
    for (const job of next) this.#addJob(job);
    return next;
  }

  #addJob({ trial, rung }: NextJob): void {
    const { bracket, rungs } = this.#get('SELECT bracket, rungs FROM trial WHERE number = ?', trial) ?? {};
    this.#run(
      'INSERT INTO job (trial, rung, bracket, ends) VALUES (?, ?, ?, ?)',
      ...[trial, rung, Number(bracket), JSON.parse(String(rungs))[rung]],
    );
  }

  #addEvaluation({ trial }: Claim, { iteration, epoch, loss, standardError }: TrialEvaluation): void {
    this.#run(
      'INSERT INTO evaluation (trial, iteration, epoch, loss, standard_error) VALUES (?, ?, ?, ?, ?) ON CONFLICT (trial, iteration) DO UPDATE SET loss = excluded.loss, standard_error = coalesce(excluded.standard_error, standard_error)',
      ...[trial.number, iteration, epoch, loss, standardError ?? null],
    );
  }

  #holds(claim: Claim): boolean {
    return this.#get(`SELECT 1 AS one FROM job WHERE ${OF_CLAIM}`, ...keyOf(claim)) !== undefined;
  }

  #isStopped(): boolean {
    return this.#get('SELECT stopped FROM sweep')?.stopped === 1;
  }

  /** Whether the file was deleted, moved or replaced. SQLite would still write to it, where nobody finds it. */
  #isGone(): boolean {
    try {
      return fileAt(this.#path) !== this.#file;
    } catch {
      // It can't be examined now. SQLite will give the reason if it can't use it either.
      return false;
    }
  }

  /** @throws {SweepError} `sweep-missing` */
  #checkFile(): void {
    if (!this.#isGone()) return;
    throw new SweepError(
      'sweep-missing',
      `${this.#path} is gone: the sweep was deleted or moved while it was in use.`,
      { remedies: [{ text: 'If you moved it, continue it under its new name' }] },
    );
  }

  #transaction<T>(work: () => T): T {
    this.#checkFile();
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      try {
        this.#database.exec('ROLLBACK');
      } catch {
        // SQLite has rolled it back itself, for example because the disk is full.
      }
      throw error;
    }
  }

  #statement(sql: string): Statement {
    const known = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }

  /** Returns whether a row was changed. */
  #run(sql: string, ...values: SqlValue[]): boolean {
    return Number(this.#statement(sql).run(...values).changes) > 0;
  }

  #get(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  #all(sql: string, ...values: SqlValue[]): Row[] {
    return this.#statement(sql).all(...values);
  }
}

function keyOf({ trial, rung, attempt }: Claim): [number, number, number] {
  return [trial.number, rung, attempt];
}

/** Identifies the file at a path; undefined if there is none. */
function fileAt(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}
