/** Adds the trials and jobs of a sweep to the tables and to the queue, within a transaction of the caller. */
import type { NextJob } from '../schedule.ts';
import type { TrialPlan } from '../store.ts';
import type { Row } from '../store-rows.ts';
import type { Sql } from './packages.node.ts';
import type { SweepQueue } from './queue.node.ts';
import { SCHEMA } from './tables.ts';

/** Adds trials, with a job for the first rung of each. Trials that are there already stay as they are. */
export async function insertTrials(sql: Sql, queue: SweepQueue, sweep: string, trials: readonly TrialPlan[]) {
  const plans = trials.map(({ number, parameters, evaluateEvery, rungs }) => ({
    ...{ number, parameters: JSON.stringify(parameters), evaluate_every: evaluateEvery },
    rungs: JSON.stringify(rungs),
  }));
  const { rows } = await sql.query(
    `INSERT INTO ${SCHEMA}.trial (sweep, number, bracket, parameters, evaluate_every, rungs)
     SELECT $1, number, (SELECT coalesce(max(bracket), 0) + 1 FROM ${SCHEMA}.trial WHERE sweep = $1), parameters, evaluate_every, rungs
     FROM json_to_recordset($2) AS plan (number INTEGER, parameters TEXT, evaluate_every INTEGER, rungs TEXT)
     ON CONFLICT DO NOTHING RETURNING number`,
    [sweep, JSON.stringify(plans)],
  );
  const jobs = rows.map((row) => ({ trial: Number(row.number), rung: 0 }));
  await insertJobs(sql, queue, sweep, jobs);
}

/** Adds jobs to the table and to the queue. */
export async function insertJobs(sql: Sql, queue: SweepQueue, sweep: string, jobs: readonly NextJob[]) {
  const { rows } = await sql.query(
    `INSERT INTO ${SCHEMA}.job (sweep, trial, rung, bracket, ends)
     SELECT sweep, number, next.rung, bracket, (rungs::json ->> next.rung)::integer
     FROM json_to_recordset($2) AS next (trial INTEGER, rung INTEGER) JOIN ${SCHEMA}.trial ON number = next.trial
     WHERE sweep = $1 RETURNING trial, rung, queue_id`,
    [sweep, JSON.stringify(jobs)],
  );
  await queue.add(sql, rows.map(queuedJobOf));
}

/** A job of the table, for the queue. */
export function queuedJobOf(row: Row) {
  return { trial: Number(row.trial), rung: Number(row.rung), id: String(row.queue_id) };
}
