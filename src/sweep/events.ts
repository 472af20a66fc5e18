/** The events of a sweep. Losses are in nats per token. */

import type { Parameters } from './space.ts';
import type { JobOutcome, TrialEvaluation, TrialRecord } from './store.ts';

/** Identifies the training of a trial to the end of a rung. */
interface OfJob {
  /** From 1. */
  readonly trial: number;
  /** From 0. */
  readonly rung: number;
}

export type SweepEvent =
  /** The sweep is ready, and its trials begin. */
  | {
      readonly type: 'started';
      readonly name: string;
      /** Where its state and its checkpoints are. */
      readonly folder: string;
      readonly trials: number;
      readonly rungs: number;
      /** The number of trials that run at once in this process. */
      readonly workers: number;
    }
  /** Something that may cause trouble later, such as an old version of Node. */
  | { readonly type: 'warning'; readonly message: string }
  /** A trial starts, or continues if its attempt is above 1. */
  | (OfJob & {
      readonly type: 'running';
      readonly parameters: Parameters;
      readonly attempt: number;
      /** The iteration at which the rung ends. */
      readonly end: number;
    })
  | ({ readonly type: 'evaluated'; readonly trial: number } & TrialEvaluation)
  /** A trial has reached the end of a rung, has exploded or has failed. */
  | (OfJob & {
      readonly type: 'ended';
      readonly state: JobOutcome['state'];
      /** The lowest loss of the trial so far, with its standard error; undefined if it failed or exploded. */
      readonly loss: number | undefined;
      readonly standardError: number | undefined;
      /** Why it failed or exploded. */
      readonly message: string | undefined;
    })
  /** The last trial of a rung has ended, and the best continue to the next one. */
  | { readonly type: 'promoted'; readonly rung: number; readonly trials: readonly number[] }
  /** A trial was put back into the queue: another attempt follows, here or in another process. */
  | (OfJob & { readonly type: 'put-back'; readonly message: string })
  /** Another worker has taken over a trial, because this process had not reported for a while. It no longer trains it. */
  | (OfJob & { readonly type: 'taken-over' })
  /** The state of the sweep can't be stored at the moment, for example because the disk is full. The work continues when it can. */
  | { readonly type: 'waiting'; readonly message: string }
  | {
      readonly type: 'finished';
      /**
       * `completed`: no trial is left; `stopped`: by another process; `interrupted`: by the signal; `queued`: the sweep is in its database,
       * and other processes train its trials.
       */
      readonly reason: 'completed' | 'stopped' | 'interrupted' | 'queued';
      /** The best trial so far; undefined if none has a loss yet. */
      readonly best: TrialRecord | undefined;
    };
