/**
 * A worker: takes jobs, runs each in a process of its own, and stores the results. Any number of workers, in any number of processes, can work
 * on a sweep. Each may die at any time: the others take over its jobs.
 */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { SweepError } from '../errors.ts';
import { TRIAL_DEFAULTS } from './definition.ts';
import { despiteOutages } from './despite-outages.node.ts';
import type { SweepEvent } from './events.ts';
import type { NextJob } from './schedule.ts';
import {
  type Claim,
  HEARTBEAT,
  type JobProgress,
  type SweepRecord,
  type SweepStore,
  type SweepText,
  type TrialEvaluation,
} from './store.ts';
import { trialFolder } from './sweep-folder.node.ts';
import { startTrialChild, type TrialChild } from './trial-child.node.ts';
import type { TrialResult, TrialTask } from './trial-messages.ts';

export interface WorkerInput {
  readonly store: SweepStore;
  /** The folder of the sweep. */
  readonly folder: string;
  /** The paths of its texts on this machine. Default: those with which the sweep was created. */
  readonly text?: SweepText | undefined;
  /** How many jobs run at once. */
  readonly workers: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: SweepEvent) => void;
  /** The program that runs a job. Default: the one that trains. */
  readonly script?: string | undefined;
}

/** Why a worker has nothing more to do. */
export type WorkEnd = 'completed' | 'stopped' | 'interrupted';

/** Time between two attempts to get a job, in milliseconds. */
const POLL = 500;
/** Time after which a job that could not write is tried again, in milliseconds. */
const WAIT = 10_000;

/**
 * Works until no job is left, the sweep is stopped or the signal is aborted.
 *
 * @throws {SweepError} `sweep-other-text` if the text is missing or has changed
 */
export async function work(input: WorkerInput): Promise<WorkEnd> {
  const { store, signal, workers } = input;
  const worker = new Worker(input, await store.record());
  await Promise.all(Array.from({ length: workers }, () => worker.lane()));
  if (worker.failure !== undefined) throw worker.failure;
  if (signal.aborted) return 'interrupted';
  return (await worker.isStopped()) ? 'stopped' : 'completed';
}

/** A job that this process runs. */
interface RunningJob {
  readonly claim: Claim;
  readonly child: TrialChild;
  progress: JobProgress | undefined;
  /** Evaluations that the database does not have yet. */
  readonly unsent: TrialEvaluation[];
  isLost: boolean;
  isBeating: boolean;
}

class Worker {
  /** Why this worker ends early. */
  failure: unknown;
  readonly #input: WorkerInput;
  readonly #sweep: SweepRecord;
  readonly #id = `${hostname()}:${process.pid}`;
  readonly #jobs = new Set<RunningJob>();
  /** Whether the database can't be used at the moment, and an event has said so. */
  #isWaiting = false;

  constructor(input: WorkerInput, sweep: SweepRecord) {
    this.#input = input;
    this.#sweep = sweep;
  }

  /** Runs one job after another. After an error, this and the other lanes end: their jobs stop and save their states. */
  async lane(): Promise<void> {
    try {
      await this.#runAll();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.failure ??= error;
    for (const { child } of this.#jobs) child.stop();
  }

  async #runAll(): Promise<void> {
    const { signal } = this.#input;
    while (!signal.aborted && this.failure === undefined) {
      const claim = await this.#claim();
      if (claim) {
        await this.#run(claim);
        continue;
      }
      if ((await this.#isOver()) || !(await this.#pause(POLL))) return;
    }
  }

  async #claim(): Promise<Claim | undefined> {
    const { store } = this.#input;
    // If the machine slept, this keeps the jobs of this process from looking abandoned.
    for (const job of this.#jobs) await this.#beat(job);
    try {
      return await store.claim(this.#id);
    } catch (error) {
      if (!store.isOutage(error)) throw error;
    }
    await this.#persist(() => store.counts());
    // After an outage all jobs look abandoned, until their workers have reported again.
    if (!(await this.#pause(2 * HEARTBEAT))) return undefined;
    for (const job of this.#jobs) await this.#beat(job);
    return await this.#persist(() => store.claim(this.#id));
  }

  async isStopped(): Promise<boolean> {
    return (await this.#persist(() => this.#input.store.record())).isStopped;
  }

  async #isOver(): Promise<boolean> {
    const { store } = this.#input;
    const [counts, record] = await this.#persist(async () => [await store.counts(), await store.record()]);
    return record.isStopped || !counts.some(({ state }) => state === 'queued' || state === 'running');
  }

  /** Returns false if the work ends meanwhile. */
  async #pause(milliseconds: number): Promise<boolean> {
    await sleep(milliseconds, undefined, { signal: this.#input.signal }).catch(() => {});
    return !this.#input.signal.aborted;
  }

  async #run(claim: Claim): Promise<void> {
    const { signal, script, onEvent } = this.#input;
    const { trial, rung, attempt } = claim;
    const child = startTrialChild({
      ...{ task: this.#taskOf(claim), script },
      onProgress: (progress) => {
        job.progress = progress;
      },
      onEvaluated: (evaluation) => {
        job.unsent.push(evaluation);
        if (!job.isLost) onEvent({ type: 'evaluated', trial: trial.number, ...evaluation });
      },
    });
    const job: RunningJob = {
      claim,
      child,
      progress: undefined,
      unsent: [],
      isLost: false,
      isBeating: false,
    };
    this.#jobs.add(job);
    const { parameters, number } = trial;
    const end = trial.rungs[rung] as number;
    onEvent({ type: 'running', trial: number, rung, parameters, attempt, end });
    const beats = setInterval(() => void this.#beat(job), HEARTBEAT);
    const stop = () => child.stop();
    signal.addEventListener('abort', stop);
    // The signal may have been aborted just before, or another lane may have failed.
    if (signal.aborted || this.failure !== undefined) stop();
    const result = await child.ended;
    signal.removeEventListener('abort', stop);
    try {
      // The job is kept until its result is stored, which may have to wait for the database.
      await this.#end(job, result);
    } finally {
      clearInterval(beats);
      this.#jobs.delete(job);
    }
  }

  #taskOf({ trial, attempt, rung }: Claim): TrialTask {
    const { definition, name } = this.#sweep;
    const { folder, text = this.#sweep.text } = this.#input;
    const { parameters, evaluateEvery, number, rungs } = trial;
    return {
      options: { ...TRIAL_DEFAULTS, ...definition.options, ...parameters, evaluateEvery },
      folder: trialFolder(folder, number),
      ...{ text, attempt, end: rungs[rung] as number, runId: `${name}-${number}` },
    };
  }

  /** Keeps a job, and sends its evaluations. If another worker has it, its process is killed. */
  async #beat(job: RunningJob): Promise<void> {
    const { store } = this.#input;
    // A database that is slow to answer gets one request at a time.
    if (job.isBeating) return;
    job.isBeating = true;
    try {
      const kept = await store.heartbeat(job.claim, job.progress);
      if (kept === 'stop') job.child.stop();
      if (kept === 'lost') {
        job.isLost = true;
        job.child.kill();
        return;
      }
      while (job.unsent[0]) {
        await store.report(job.claim, job.unsent[0]);
        job.unsent.shift();
      }
    } catch {
      // The database can't be used at the moment. The next heartbeat tries again, and the result contains all evaluations.
    } finally {
      job.isBeating = false;
    }
  }

  async #end({ claim, isLost }: RunningJob, result: TrialResult | string): Promise<void> {
    const { store, onEvent } = this.#input;
    const job = { trial: claim.trial.number, rung: claim.rung };
    if (isLost) {
      // Unless the whole sweep was deleted, which is an error.
      await this.#persist(() => store.record());
      onEvent({ type: 'taken-over', ...job });
      return;
    }
    if (typeof result === 'string') {
      await this.#putBack(claim, result, result);
      return;
    }
    switch (result.state) {
      case 'stopped':
        await this.#putBack(claim, stopText(result.savedAt));
        return;
      case 'no-text':
        this.#fail(new SweepError('sweep-other-text', result.message));
        await this.#putBack(claim, result.message);
        return;
      case 'disturbed':
        await this.#putBack(claim, result.message, result.waits ? undefined : result.message);
        if (result.waits) await this.#pause(WAIT);
        return;
      default: {
        const next = await this.#persist(() => store.finish(claim, result));
        if (!next) {
          onEvent({ type: 'taken-over', ...job });
          return;
        }
        const { loss, standardError } = result.state === 'done' ? result.best : NO_LOSS;
        const message = result.state === 'done' ? undefined : result.message;
        onEvent({ type: 'ended', ...job, state: result.state, loss, standardError, message });
        this.#promote(next);
      }
    }
  }

  #promote(jobs: readonly NextJob[]): void {
    const [first] = jobs;
    if (first)
      this.#input.onEvent({ type: 'promoted', rung: first.rung, trials: jobs.map(({ trial }) => trial) });
  }

  async #putBack(claim: Claim, message: string, failure?: string): Promise<void> {
    const { store, onEvent } = this.#input;
    const next = await this.#persist(() => store.release(claim, failure));
    const job = { trial: claim.trial.number, rung: claim.rung };
    if (!next) {
      onEvent({ type: 'put-back', ...job, message });
      return;
    }
    onEvent({ type: 'ended', ...job, state: 'failed', ...NO_LOSS, message });
    this.#promote(next);
  }

  #persist<T>(use: () => Promise<T>): Promise<T> {
    const { store, folder, signal, onEvent } = this.#input;
    const onWait = (message: string) => {
      // Every lane notices an outage.
      if (!this.#isWaiting) onEvent({ type: 'waiting', message });
      this.#isWaiting = true;
    };
    return despiteOutages({ store, folder, signal, onWait }, async () => {
      const result = await use();
      this.#isWaiting = false;
      return result;
    });
  }
}

/** @param savedAt The iteration of the newest saved state. */
function stopText(savedAt: number | undefined): string {
  if (savedAt === undefined) return 'it was stopped before it had a state to save, and will start again.';
  return `it was stopped, and continues from iteration ${savedAt}.`;
}

const NO_LOSS = { loss: undefined, standardError: undefined };
