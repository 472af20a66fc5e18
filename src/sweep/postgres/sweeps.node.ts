/** The sweeps of a database: adds one, and finds one by its name. */
import { randomUUID } from 'node:crypto';
import { SweepError } from '../../errors.ts';
import { VERSION } from '../../util/version.ts';
import type { NewSweep, TrialPlan } from '../store.ts';
import type { Connection } from './connection.node.ts';
import { hidePassword } from './database-url.ts';
import { insertTrials } from './insert-jobs.node.ts';
import { SweepQueue } from './queue.node.ts';
import { SCHEMA } from './tables.ts';

/** A sweep in a database. */
export interface SweepIdentity {
  readonly name: string;
  /** Distinguishes sweeps of the same name, in other databases or later ones. */
  readonly id: string;
}

/**
 * Adds a sweep with its first trials to a database. It appears as a whole, or not at all.
 *
 * @throws {SweepError} `sweep-exists`; `sweep-database`
 */
export async function createPostgresSweep(
  connection: Connection,
  sweep: NewSweep,
  trials: readonly TrialPlan[],
): Promise<SweepIdentity> {
  const identity = { name: sweep.name, id: randomUUID() };
  await checkNameIsFree(connection, sweep.name);
  const queue = await SweepQueue.open(connection, identity.id, false);
  try {
    await connection.transaction(async (sql) => {
      const { rowCount } = await sql.query(
        `INSERT INTO ${SCHEMA}.sweep (name, id, definition, text, program_version) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
        [identity.name, identity.id, JSON.stringify(sweep.definition), JSON.stringify(sweep.text), VERSION],
      );
      if (rowCount === 0) throw nameIsTaken(connection, sweep.name);
      await insertTrials(sql, queue, sweep.name, trials);
    });
  } finally {
    await queue.close();
  }
  return identity;
}

/** @throws {SweepError} `sweep-exists` */
export async function checkNameIsFree(connection: Connection, name: string): Promise<void> {
  const { rows } = await connection.query(`SELECT 1 FROM ${SCHEMA}.sweep WHERE name = $1`, [name]);
  if (rows.length > 0) throw nameIsTaken(connection, name);
}

function nameIsTaken({ url }: Connection, name: string): SweepError {
  return new SweepError('sweep-exists', `there is already a sweep ${name} in ${hidePassword(url)}.`, {
    remedies: [
      { text: 'To work on it', command: ['sweep', 'worker', name, '--database', hidePassword(url)] },
      { text: 'Or give the new one another name', set: { name: `${name}-2` } },
    ],
  });
}

/**
 * A sweep in a database.
 *
 * @param name Default: the newest with open jobs, or else the newest.
 * @throws {SweepError} `sweep-missing`
 */
export async function findPostgresSweep(
  connection: Connection,
  name: string | undefined,
): Promise<SweepIdentity> {
  const { rows } = await connection.query(
    `SELECT name, id, EXISTS (SELECT 1 FROM ${SCHEMA}.job WHERE sweep = name AND state IN ('queued', 'running')) AS is_open
     FROM ${SCHEMA}.sweep ORDER BY is_open DESC, created DESC`,
  );
  const found = name === undefined ? rows[0] : rows.find((row) => row.name === name);
  if (found) return { name: String(found.name), id: String(found.id) };
  const names = rows.map((row) => row.name).join(', ');
  const which = name === undefined ? 'sweep' : `sweep ${name}`;
  throw new SweepError(
    'sweep-missing',
    `there is no ${which} in ${hidePassword(connection.url)}.${names === '' ? '' : ` It has ${names}.`}`,
  );
}
