/** A sweep as the pages show it, from the content of its store. */
import { isList, type Space } from '../../sweep/space.ts';
import type { JobCounts, JobRecord, SweepRecord, TrialEvaluation, TrialRecord } from '../../sweep/store.ts';
import { groupBy } from '../../util/group-by.ts';
import type { SweepDetail, SweepJob, SweepParameter, SweepState, SweepSummary } from '../protocol.ts';

/** What identifies a sweep, and when it last changed. */
export interface SweepPlace {
  readonly id: string;
  readonly folder: string;
  readonly updated: number;
}

export interface SweepFacts {
  readonly record: SweepRecord;
  readonly trialCount: number;
  readonly counts: JobCounts;
  readonly running: readonly JobRecord[];
  readonly best: readonly TrialRecord[];
}

export function summaryOf(
  { id, folder, updated }: SweepPlace,
  { record, trialCount, counts, running, best: [best] }: SweepFacts,
): SweepSummary {
  return {
    ...{ id, name: record.name, folder, state: stateOf(record, counts, running), problem: null },
    text: record.text.name,
    trials: trialCount,
    jobs: counts.map((one) => ({ ...one, rung: one.rung + 1 })),
    best:
      best?.loss === undefined
        ? null
        : { trial: best.trial, loss: best.loss, standardError: best.standardError ?? null },
    updated,
  };
}

/** A sweep that can't be read. @param name The best that is known. */
export function unreadableSweep(
  { id, folder, updated }: SweepPlace,
  name: string,
  problem: string,
): SweepSummary {
  return {
    ...{ id, name, folder, state: 'unreadable', problem },
    ...{ text: '', trials: 0, jobs: [], best: null, updated },
  };
}

function stateOf({ isStopped }: SweepRecord, counts: JobCounts, running: readonly JobRecord[]): SweepState {
  if (!counts.some(({ state }) => state === 'queued' || state === 'running')) return 'finished';
  if (running.length > 0) return 'running';
  return isStopped ? 'stopped' : 'waiting';
}

export interface SweepContent {
  readonly trials: readonly TrialRecord[];
  readonly jobs: readonly JobRecord[];
  readonly evaluations: readonly (TrialEvaluation & { readonly trial: number })[];
}

/** @param runOf The id of the newest run of a trial, of which so many attempts began. */
export function detailOf(
  summary: SweepSummary,
  { definition }: SweepRecord,
  { trials, jobs, evaluations }: SweepContent,
  runOf: (trial: number, attempts: number) => string | null,
): SweepDetail {
  const jobsOf = groupBy(jobs, ({ trial }) => trial);
  const evaluationsOf = groupBy(evaluations, ({ trial }) => trial);
  const { method, seed, rungs, eta, space, options } = definition;
  return {
    ...{ summary, method, seed, rungs, eta },
    parameters: parametersOf(space),
    options: plainValues(options),
    trials: trials.map(({ trial, parameters }) => {
      const own = jobsOf.get(trial) ?? [];
      return {
        ...{ number: trial, parameters },
        jobs: own.map(jobView),
        evaluations: (evaluationsOf.get(trial) ?? []).map(
          ({ iteration, loss }) => [iteration, loss] as const,
        ),
        run: runOf(trial, Math.max(...own.map(({ attempt }) => attempt))),
      };
    }),
  };
}

function jobView({ state, end, progress, loss, standardError, worker, message }: JobRecord): SweepJob {
  const isRunning = state === 'running';
  return {
    ...{ state, end },
    iteration: isRunning ? (progress?.iteration ?? null) : null,
    rest: isRunning ? (progress?.restMilliseconds ?? null) : null,
    loss: loss ?? null,
    standardError: standardError ?? null,
    // A worker is named after its machine and its process.
    machine: worker?.replace(/:\d+$/, '') ?? null,
    message: message ?? null,
  };
}

function parametersOf(space: Space): SweepParameter[] {
  return Object.entries(space).map(([name, dimension]) => {
    if (!isList(dimension)) return { name, isNumber: true, isLogarithmic: dimension.log };
    const { values } = dimension;
    const numbers = values.filter((value) => typeof value === 'number');
    return {
      name,
      isNumber: numbers.length === values.length,
      isLogarithmic: numbers.length === values.length && isWide(numbers),
    };
  });
}

/** Whether numbers are spread so widely that the lower ones would lie on one another: 64, 128, 256, 512. */
function isWide(numbers: readonly number[]): boolean {
  const lowest = Math.min(...numbers);
  return lowest > 0 && numbers.length > 2 && Math.max(...numbers) / lowest >= 8;
}

function plainValues(options: object): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)),
  );
}
