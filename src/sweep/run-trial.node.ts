/** Trains a trial to the end of a rung, from the newest state that earlier attempts have left. */
import { CharRnnError, CheckpointError, DivergenceError } from '../errors.ts';
import type { TrainingEvent } from '../train/events.ts';
import { train } from '../train/train.node.ts';
import { makeFolder } from '../util/files.node.ts';
import { describeSystemError } from '../util/system-error.ts';
import type { JobProgress, TrialEvaluation } from './store.ts';
import { attemptFolder, bestOf, checkpointOf, newestState } from './trial-history.node.ts';
import type { TrialResult, TrialTask } from './trial-messages.ts';

export interface TrialObserver {
  onProgress(progress: JobProgress): void;
  onEvaluated(evaluation: TrialEvaluation): void;
}

/** Time between two reports of the progress, in milliseconds. */
const REPORT_EVERY = 500;

const UNWRITABLE: ReadonlySet<string> = new Set(['checkpoint-unwritable', 'checkpoint-save-failed']);

/** @param signal When it is aborted, the trial saves its state, if its training has begun, and ends as `stopped`. */
export async function runTrial(
  task: TrialTask,
  observer: TrialObserver,
  signal: AbortSignal,
): Promise<TrialResult> {
  try {
    return await trainToEnd(task, observer, signal);
  } catch (error) {
    // While its text is being read, a training that is stopped throws the signal's reason.
    if (signal.aborted && error === signal.reason) return await stopped(task.folder);
    if (!(error instanceof CharRnnError)) throw error;
    const { problem: message } = error;
    if (error instanceof DivergenceError) return { state: 'exploded', message };
    if (error.code.startsWith('text-') || error.code === 'checkpoint-other-text')
      return { state: 'no-text', message };
    if (!(error instanceof CheckpointError)) return { state: 'failed', message };
    return { state: 'disturbed', message, waits: UNWRITABLE.has(error.code) };
  }
}

async function trainToEnd(
  task: TrialTask,
  { onProgress, onEvaluated }: TrialObserver,
  stop: AbortSignal,
): Promise<TrialResult> {
  const { folder, end, attempt, text } = task;
  const state = await newestState(folder);
  const evaluations = new Map(state?.evaluations.map((one) => [one.iteration, one]));
  const pause = new AbortController();
  const isReached = () => evaluations.has(end);
  let hasEnded = false;
  if (!isReached()) {
    const own = attemptFolder(folder, attempt);
    await makeOwnFolder(own);
    const { textFile, include, validation, test } = text;
    const files = { textFile, include, validation, test };
    const input = state
      ? // The run keeps its options. How many threads compute does not matter to the result.
        { resume: state.path, threads: task.options.threads, ...files }
      : { ...task.options, ...files, runId: task.runId };
    const signal = AbortSignal.any([stop, pause.signal]);
    let reported = 0;
    for await (const event of train({ ...input, checkpointDir: own, signal })) {
      if (event.type === 'started' && event.text.sha256 !== text.sha256)
        return { state: 'no-text', message: `${text.name} has changed since the sweep was created.` };
      if (event.type === 'evaluated') {
        const evaluation = evaluationOf(event);
        evaluations.set(evaluation.iteration, evaluation);
        onEvaluated(evaluation);
        // The run saves this state, and ends before its next iteration.
        if (event.iteration >= end) pause.abort();
      }
      // What was evaluated later is discarded, as are those iterations.
      if (event.type === 'restored')
        for (const iteration of evaluations.keys())
          if (iteration > event.iteration) evaluations.delete(iteration);
      if (event.type === 'iteration' && performance.now() - reported > REPORT_EVERY) {
        reported = performance.now();
        const restMilliseconds = (end - event.iteration) * event.milliseconds;
        onProgress({ iteration: event.iteration, restMilliseconds });
      }
      if (event.type === 'finished') hasEnded = event.reason !== 'interrupted';
    }
  }
  if (!isReached() && !hasEnded) return await stopped(folder);
  const all = [...evaluations.values()].sort((a, b) => a.iteration - b.iteration);
  const best = bestOf(all);
  if (!best)
    return { state: 'failed', message: 'it has no validation loss: there is no text to validate on.' };
  const checkpoint = await checkpointOf(folder, best);
  if (checkpoint === undefined)
    return {
      ...{ state: 'disturbed', waits: false },
      message: `the checkpoint of iteration ${best.iteration} is gone.`,
    };
  return { state: 'done', best, checkpoint, evaluations: all };
}

/** @throws {CheckpointError} `checkpoint-unwritable`, for example if the disk is full */
async function makeOwnFolder(path: string): Promise<void> {
  try {
    await makeFolder(path);
  } catch (cause) {
    const problem = `the folder ${path} can't be made: ${describeSystemError(cause)}.`;
    throw new CheckpointError('checkpoint-unwritable', problem, { cause });
  }
}

/** The newest state may be that of an earlier attempt. */
async function stopped(folder: string): Promise<TrialResult> {
  return { state: 'stopped', savedAt: (await newestState(folder))?.iteration };
}

function evaluationOf(event: Extract<TrainingEvent, { type: 'evaluated' }>): TrialEvaluation {
  const { iteration, epoch, validationLoss: loss, standardError } = event;
  return { iteration, epoch, loss, standardError };
}
