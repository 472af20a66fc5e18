/** The tables of sweeps in PostgreSQL. They have the columns of the SQLite file, and the name of the sweep. */

/** The schema of the tables. */
export const SCHEMA = 'char_rnn';
/** The schema in which pg-boss has its own tables. */
export const QUEUE_SCHEMA = 'char_rnn_queue';

export const SCHEMA_VERSION = 1;

/**
 * `queue_id` and `queue_attempt` identify the job in the queue, and the attempt of it that its worker has there. `fetched` is when it was
 * taken from the queue, and `heard` when its worker last reported.
 */
export const SCHEMA_SQL = `
  CREATE TABLE ${SCHEMA}.version (number INTEGER NOT NULL);
  CREATE TABLE ${SCHEMA}.sweep (name TEXT PRIMARY KEY, id UUID NOT NULL, definition TEXT NOT NULL, text TEXT NOT NULL,
    program_version TEXT NOT NULL, stopped BOOLEAN NOT NULL DEFAULT false, created TIMESTAMPTZ NOT NULL DEFAULT now());
  CREATE TABLE ${SCHEMA}.trial (sweep TEXT NOT NULL REFERENCES ${SCHEMA}.sweep ON DELETE CASCADE, number INTEGER NOT NULL,
    bracket INTEGER NOT NULL, parameters TEXT NOT NULL, evaluate_every INTEGER NOT NULL, rungs TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (sweep, number));
  CREATE TABLE ${SCHEMA}.job (sweep TEXT NOT NULL, trial INTEGER NOT NULL, rung INTEGER NOT NULL, bracket INTEGER NOT NULL,
    ends INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'queued', attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0, worker TEXT, heard TIMESTAMPTZ, fetched TIMESTAMPTZ,
    queue_id UUID NOT NULL DEFAULT gen_random_uuid(), queue_attempt INTEGER, at_iteration INTEGER,
    rest_milliseconds DOUBLE PRECISION, loss DOUBLE PRECISION, standard_error DOUBLE PRECISION, iteration INTEGER,
    checkpoint TEXT, message TEXT, PRIMARY KEY (sweep, trial, rung),
    FOREIGN KEY (sweep, trial) REFERENCES ${SCHEMA}.trial ON DELETE CASCADE);
  CREATE INDEX job_of_rung ON ${SCHEMA}.job (sweep, bracket, rung, state);
  CREATE INDEX job_by_loss ON ${SCHEMA}.job (sweep, state, loss, trial);
  CREATE TABLE ${SCHEMA}.evaluation (sweep TEXT NOT NULL, trial INTEGER NOT NULL, iteration INTEGER NOT NULL,
    epoch DOUBLE PRECISION NOT NULL, loss DOUBLE PRECISION NOT NULL, standard_error DOUBLE PRECISION,
    PRIMARY KEY (sweep, trial, iteration), FOREIGN KEY (sweep, trial) REFERENCES ${SCHEMA}.trial ON DELETE CASCADE);
`;
