/** What earlier attempts of a trial have left: the newest checkpoint, the evaluations up to it, and the checkpoint of the best one. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type FoundCheckpoint, surveyFolder } from '../checkpoint/storage/run-survey.node.ts';
import { readEventLog } from '../train/log/read-event-log.node.ts';
import type { TrialEvaluation } from './store.ts';

/** The folder of an attempt. */
export function attemptFolder(folder: string, attempt: number): string {
  return join(folder, `attempt-${attempt}`);
}

/** The newest state of a trial. */
export interface TrialState {
  readonly path: string;
  readonly iteration: number;
  readonly evaluations: readonly TrialEvaluation[];
}

/** The checkpoint of the latest iteration; undefined if there is none. Damaged files are left out. */
export async function newestState(folder: string): Promise<TrialState | undefined> {
  const checkpoints = await allCheckpoints(folder);
  const newest = checkpoints.reduce<FoundCheckpoint | undefined>(
    (found, one) => (found && found.iteration >= one.iteration ? found : one),
    undefined,
  );
  if (!newest) return undefined;
  const { path, iteration, epoch, validationLosses } = newest;
  const errors = await loggedErrors(folder);
  const evaluations = Array.from(validationLosses.iterations, (at, index) => ({
    iteration: at,
    epoch: (epoch * at) / iteration,
    loss: validationLosses.values[index] as number,
    standardError: errors.get(at),
  }));
  return { path, iteration, evaluations };
}

/**
 * The file of the checkpoint with an evaluation. Its loss counts too: a run that went back after an explosion evaluates an iteration again, and
 * an earlier attempt may have left the checkpoint of the first time.
 */
export async function checkpointOf(
  folder: string,
  { iteration, loss }: Pick<TrialEvaluation, 'iteration' | 'loss'>,
): Promise<string | undefined> {
  const all = await allCheckpoints(folder);
  const isOf = ({ iteration: at, validationLosses: { iterations, values } }: FoundCheckpoint) =>
    at === iteration && values[iterations.lastIndexOf(at)] === loss;
  return all.find(isOf)?.path;
}

/** The evaluation with the lowest loss; of several, the first. */
export function bestOf(evaluations: readonly TrialEvaluation[]): TrialEvaluation | undefined {
  return evaluations.reduce<TrialEvaluation | undefined>(
    (best, one) => (best && best.loss <= one.loss ? best : one),
    undefined,
  );
}

async function allCheckpoints(folder: string): Promise<FoundCheckpoint[]> {
  const surveys = await Promise.all(attemptFolders(folder).map(surveyFolder));
  return surveys.flatMap(({ runs }) => runs.flatMap(({ checkpoints }) => checkpoints));
}

/** Standard errors by iteration. Checkpoints have the losses, and the logs have their standard errors too. */
async function loggedErrors(folder: string): Promise<Map<number, number>> {
  const errors = new Map<number, number>();
  for (const attempt of attemptFolders(folder)) {
    for (const name of readdirSync(attempt).filter((one) => one.endsWith('.log.jsonl'))) {
      try {
        for await (const event of readEventLog(join(attempt, name)))
          if (event.type === 'evaluated' && event.standardError !== undefined)
            errors.set(event.iteration, event.standardError);
      } catch {
        // Without its log, an attempt has no standard errors. Its losses are in the checkpoint.
      }
    }
  }
  return errors;
}

/** The folders of all attempts, the newest last. */
function attemptFolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^attempt-\d+$/.test(name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => join(folder, name));
}
