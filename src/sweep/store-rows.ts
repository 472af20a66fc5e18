/** Rows of the tables of a sweep, as records. All databases have the same columns. */
import type { RungJob } from './schedule.ts';
import type { JobRecord, JobState, TrialEvaluation, TrialPlan, TrialRecord } from './store.ts';

export type Row = Readonly<Record<string, unknown>>;

/** The columns that `jobOf` needs. */
export const JOB_COLUMNS = [
  ...['trial', 'rung', 'state', 'attempt', 'ends', 'worker', 'at_iteration', 'rest_milliseconds', 'loss'],
  ...['standard_error', 'iteration', 'checkpoint', 'message'],
]
  .map((name) => `job.${name}`)
  .join(', ');

/** The columns that `trialOf` needs, from a job and its trial. */
export const TRIAL_COLUMNS = `${JOB_COLUMNS}, trial.parameters, trial.evaluate_every`;

export function planOf(row: Row): TrialPlan {
  return {
    number: Number(row.number),
    parameters: JSON.parse(String(row.parameters)),
    evaluateEvery: Number(row.evaluate_every),
    rungs: JSON.parse(String(row.rungs)),
  };
}

export function jobOf(row: Row): JobRecord {
  const at = optionalNumber(row.at_iteration);
  return {
    trial: Number(row.trial),
    rung: Number(row.rung),
    state: row.state as JobState,
    attempt: Number(row.attempt),
    end: Number(row.ends),
    progress:
      at === undefined
        ? undefined
        : { iteration: at, restMilliseconds: optionalNumber(row.rest_milliseconds) },
    worker: optionalText(row.worker),
    loss: optionalNumber(row.loss),
    standardError: optionalNumber(row.standard_error),
    iteration: optionalNumber(row.iteration),
    checkpoint: optionalText(row.checkpoint),
    message: optionalText(row.message),
  };
}

export function trialOf(row: Row): TrialRecord {
  return {
    ...jobOf(row),
    parameters: JSON.parse(String(row.parameters)),
    evaluateEvery: Number(row.evaluate_every),
  };
}

export function evaluationOf(row: Row): TrialEvaluation {
  return {
    iteration: Number(row.iteration),
    epoch: Number(row.epoch),
    loss: Number(row.loss),
    standardError: optionalNumber(row.standard_error),
  };
}

/** A job as the decision about the next rung needs it. */
export function rungJobOf(row: Row): RungJob {
  return {
    trial: Number(row.trial),
    rung: Number(row.rung),
    isOpen: row.state === 'queued' || row.state === 'running',
    loss: row.state === 'done' ? optionalNumber(row.loss) : undefined,
  };
}

function optionalNumber(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

function optionalText(value: unknown): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}
