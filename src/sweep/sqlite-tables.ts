/** The tables of a sweep in SQLite. Each file has one sweep. */

export const SCHEMA_VERSION = 1;

export const SCHEMA_SQL = `
  CREATE TABLE sweep (name TEXT NOT NULL, definition TEXT NOT NULL, text TEXT NOT NULL, program_version TEXT NOT NULL,
    stopped INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE trial (number INTEGER PRIMARY KEY, bracket INTEGER NOT NULL, parameters TEXT NOT NULL, evaluate_every INTEGER NOT NULL,
    rungs TEXT NOT NULL, attempt INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE job (trial INTEGER NOT NULL, rung INTEGER NOT NULL, bracket INTEGER NOT NULL, ends INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued', attempt INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0, worker TEXT,
    heard INTEGER, at_iteration INTEGER, rest_milliseconds DOUBLE PRECISION, loss DOUBLE PRECISION, standard_error DOUBLE PRECISION,
    iteration INTEGER, checkpoint TEXT, message TEXT, PRIMARY KEY (trial, rung));
  CREATE INDEX job_order ON job (state, rung DESC, trial);
  CREATE INDEX job_of_rung ON job (bracket, rung, state);
  CREATE INDEX job_by_loss ON job (state, loss, trial);
  CREATE TABLE evaluation (trial INTEGER NOT NULL, iteration INTEGER NOT NULL, epoch DOUBLE PRECISION NOT NULL,
    loss DOUBLE PRECISION NOT NULL, standard_error DOUBLE PRECISION, PRIMARY KEY (trial, iteration));
  PRAGMA user_version = ${SCHEMA_VERSION};
`;
