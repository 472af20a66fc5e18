/** The messages between a worker and the process of a trial. */
import type { TrainingOptions } from '../train/options.ts';
import type { Given } from '../util/check-options.ts';
import type { JobOutcome, JobProgress, SweepText, TrialEvaluation } from './store.ts';

/** A job, as its process gets it. */
export interface TrialTask {
  readonly options: Given<TrainingOptions>;
  readonly text: SweepText;
  /** The folder of the trial. Each attempt writes to a folder of its own in it. */
  readonly folder: string;
  readonly attempt: number;
  /** The iteration at which the job ends. */
  readonly end: number;
  readonly runId: string;
}

/** How the process of a job ends. */
export type TrialResult =
  | JobOutcome
  /** It was told to stop. `savedAt`: the iteration of its newest saved state; undefined if it has none, and begins again. */
  | { readonly state: 'stopped'; readonly savedAt: number | undefined }
  /** Something outside the trial is wrong: another attempt may work. `waits`: only later, because the disk is full, for example. */
  | { readonly state: 'disturbed'; readonly message: string; readonly waits: boolean }
  /** The text of the sweep is missing or has changed: no trial can continue. */
  | { readonly state: 'no-text'; readonly message: string };

export type ToTrial = { readonly type: 'task'; readonly task: TrialTask } | { readonly type: 'stop' };

export type FromTrial =
  | { readonly type: 'progress'; readonly progress: JobProgress }
  | { readonly type: 'evaluated'; readonly evaluation: TrialEvaluation }
  | { readonly type: 'result'; readonly result: TrialResult };
