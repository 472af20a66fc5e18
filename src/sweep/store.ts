/**
 * What a sweep keeps: its definition, its trials, and the jobs that workers take. `store-sqlite.node.ts` keeps it in a file,
 * `postgres/store-postgres.node.ts` in a database that many machines use. Both pass the same tests (test/sweep/store-contract.ts).
 *
 * A job is the training of one trial to the end of one rung. A worker claims it and reports that it is alive (`heartbeat`). If it has not
 * done so for about ten seconds, another worker may claim the job. Each claim has a higher attempt number, and only the newest one can
 * finish the job: a result is committed once, even if two workers compute it.
 */
import type { SweepDefinition } from './definition.ts';
import type { NextJob, RunRungs } from './schedule.ts';
import type { Parameters } from './space.ts';

/** Time between heartbeats. In milliseconds. */
export const HEARTBEAT = 2000;
/** How often a job may fail, without a new evaluation, for a reason that may not affect another attempt, such as a crash. */
export const MAX_FAILURES = 3;

/** Where the texts of a sweep are. */
export interface SweepTexts {
  readonly textFile: readonly string[];
  readonly include?: string | undefined;
  /** Held-out texts. */
  readonly validation?: string | undefined;
  readonly test?: string | undefined;
}

/** The texts of a sweep, and the SHA-256 of each, in hexadecimal. */
export interface SweepText extends SweepTexts {
  readonly sha256: string;
  readonly validationSha256?: string | undefined;
  readonly testSha256?: string | undefined;
  /** For messages. */
  readonly name: string;
}

/** A trial before it starts. */
export interface TrialPlan extends RunRungs {
  /** From 1. */
  readonly number: number;
  readonly parameters: Parameters;
}

export interface SweepRecord {
  readonly name: string;
  readonly definition: SweepDefinition;
  readonly text: SweepText;
  /** The version of the program that created it. */
  readonly programVersion: string;
  readonly isStopped: boolean;
}

/** A new sweep, before its trials are added. */
export type NewSweep = Pick<SweepRecord, 'name' | 'definition' | 'text'>;

/** `exploded`: its loss exploded more often than its retries allow. `failed`: for another reason, which is its message. */
export type JobState = 'queued' | 'running' | 'done' | 'exploded' | 'failed';

/** A job that a worker has claimed. */
export interface Claim {
  readonly trial: TrialPlan;
  readonly rung: number;
  /** 1 for the first claim of any job of the trial; higher for each later one. */
  readonly attempt: number;
}

/** An evaluation of a trial. Losses are in nats per token. */
export interface TrialEvaluation {
  readonly iteration: number;
  readonly epoch: number;
  readonly loss: number;
  readonly standardError: number | undefined;
}

/** How far a running job is. */
export interface JobProgress {
  readonly iteration: number;
  /** The estimated time to the end of the rung, in milliseconds; undefined at its start. */
  readonly restMilliseconds: number | undefined;
}

/** The end of a job. */
export type JobOutcome =
  | {
      readonly state: 'done';
      /** The evaluation with the lowest loss of the trial so far. */
      readonly best: TrialEvaluation;
      /** The file of its checkpoint. */
      readonly checkpoint: string;
      /** All evaluations of the trial so far. */
      readonly evaluations: readonly TrialEvaluation[];
    }
  | { readonly state: 'exploded' | 'failed'; readonly message: string };

/** A job as lists show it. */
export interface JobRecord {
  readonly trial: number;
  readonly rung: number;
  readonly state: JobState;
  readonly attempt: number;
  /** The iteration at which it ends. */
  readonly end: number;
  readonly progress: JobProgress | undefined;
  readonly worker: string | undefined;
  readonly loss: number | undefined;
  readonly standardError: number | undefined;
  /** The iteration of the lowest loss. */
  readonly iteration: number | undefined;
  readonly checkpoint: string | undefined;
  readonly message: string | undefined;
}

/** A trial with the job of its highest rung. */
export interface TrialRecord extends JobRecord {
  readonly parameters: Parameters;
  /** Iterations between its evaluations. */
  readonly evaluateEvery: number;
}

/** Jobs by rung and state. */
export type JobCounts = readonly {
  readonly rung: number;
  readonly state: JobState;
  readonly count: number;
}[];

export interface SweepStore {
  record(): Promise<SweepRecord>;
  /** Adds trials, which are compared only with each other at their rungs. Trials that already exist are left unchanged. */
  addTrials(trials: readonly TrialPlan[]): Promise<void>;
  trialCount(): Promise<number>;
  /** Takes the next job: the highest rung first, then the lowest trial number. Undefined if there is none, or if the sweep is stopped. */
  claim(worker: string): Promise<Claim | undefined>;
  /** Keeps a job. `lost`: another worker has it; `stop`: the sweep was stopped. */
  heartbeat(claim: Claim, progress: JobProgress | undefined): Promise<'kept' | 'lost' | 'stop'>;
  /**
   * Stores an evaluation of a running job. A repeated one changes nothing; after a new one, earlier failures no longer count. Returns false
   * if the job is lost.
   */
  report(claim: Claim, evaluation: TrialEvaluation): Promise<boolean>;
  /**
   * Stores the end of a job and, if it was the last of its rung, makes the jobs of the next one, all in one transaction. Returns these
   * jobs, the best trial first; undefined if the job is lost: then nothing is stored.
   */
  finish(claim: Claim, outcome: JobOutcome): Promise<readonly NextJob[] | undefined>;
  /**
   * Puts a job back into the queue. After `MAX_FAILURES` failures it has failed, which may be the end of its rung: then the jobs of the
   * next one are returned. Undefined if the job waits for another attempt, or is lost.
   *
   * @param failure Why it could not be finished.
   */
  release(claim: Claim, failure?: string): Promise<readonly NextJob[] | undefined>;
  setStopped(isStopped: boolean): Promise<void>;
  /**
   * Puts failed jobs back into the queue, and returns their number. Exploded trials are left out, because they would only explode again.
   */
  retry(): Promise<number>;
  counts(): Promise<JobCounts>;
  /** Running jobs whose worker is alive. */
  running(): Promise<JobRecord[]>;
  /** The trials with the lowest losses, best first. Exploded and failed ones are left out. */
  best(count: number): Promise<TrialRecord[]>;
  trials(): Promise<TrialRecord[]>;
  /** The jobs of all rungs, by trial and rung. */
  jobs(): Promise<JobRecord[]>;
  evaluations(trial: number): Promise<TrialEvaluation[]>;
  /** The evaluations of all trials, by trial and iteration. */
  allEvaluations(): Promise<(TrialEvaluation & { readonly trial: number })[]>;
  /** Whether an error means that the database can't be used at the moment: it can't be reached, it is busy, or its disk is full. */
  isOutage(error: unknown): boolean;
  close(): Promise<void>;
}
