/** What the Sweeps page says about trials. */
import type { SweepDetail, SweepJob, SweepTrial } from '../src/ui/protocol.ts';
import { optionWords, shortDuration } from './words.ts';

/** The lowest validation loss of a trial so far; undefined if it has none, or has exploded. */
export function lowestLoss({ evaluations, jobs }: SweepTrial): number | undefined {
  if (jobs.at(-1)?.state === 'exploded' || evaluations.length === 0) return undefined;
  return Math.min(...evaluations.map(([, loss]) => loss));
}

/** The highest rung whose end a trial has reached, from 1; 0 before the first one. */
export function reachedRung({ jobs }: SweepTrial): number {
  return jobs.filter(({ state }) => state === 'done').length;
}

/** `running, 35 %, 2 min left`. */
export function trialState(trial: SweepTrial, rungs: number): string {
  const job = trial.jobs.at(-1);
  if (!job) return '–';
  const at = rungs > 1 ? `rung ${trial.jobs.length}` : '';
  if (job.state === 'running') return `▶ ${[at, progressText(job)].filter(Boolean).join(', ')}`;
  if (job.state === 'done') return rungs > 1 ? `■ ${at} of ${rungs}` : '■ done';
  if (job.state === 'queued') return `queued${at && `, ${at}`}`;
  return `✕ ${job.state}`;
}

function progressText({ iteration, end, rest }: SweepJob): string {
  const share = `${Math.floor((100 * (iteration ?? 0)) / end)} %`;
  return rest === null ? share : `${share}, ${shortDuration(rest / 1000)} left`;
}

/** A value of a parameter, short. */
export function valueText(value: string | number | boolean | undefined): string {
  if (typeof value !== 'number') return String(value ?? '–');
  const isLong = !Number.isInteger(value) && String(value).length > 8;
  return isLong ? String(Number(value.toPrecision(4))) : String(value);
}

/** `hidden size 64, cell gru`. */
export function parametersText({ parameters }: SweepTrial): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${optionWords(name)} ${valueText(value)}`)
    .join(', ');
}

/** How far all trainings of a sweep are, from 0 to 1, as far as their rungs have been decided. */
export function shareDone({ trials }: SweepDetail): number {
  let [done, all] = [0, 0];
  for (const { jobs } of trials)
    for (const [rung, job] of jobs.entries()) {
      const length = job.end - (jobs[rung - 1]?.end ?? 0);
      all += length;
      if (job.state === 'running') done += Math.max(0, (job.iteration ?? 0) - (jobs[rung - 1]?.end ?? 0));
      else if (job.state !== 'queued') done += length;
    }
  return all > 0 ? done / all : 0;
}
