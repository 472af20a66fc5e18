/** The summary at the end of a run: time, losses, the place of the model, and the next two commands. */
import { surveyFolder } from '../../checkpoint/storage/run-survey.node.ts';
import { compareWithBaseline } from '../../train/advice/baseline-comparison.ts';
import type { BaselineEvent, FinishedEvent, StartedEvent } from '../../train/events.ts';
import { fixed } from '../../util/c-format.ts';
import { counted, formatCount } from '../../util/format.ts';
import { commandLine, fileWord } from '../arguments/command-line.ts';
import { bestLoss } from '../report/best-loss.ts';
import { formatDuration } from '../terminal/duration-text.ts';
import { runPath } from './resumed-run.ts';

export interface EndedRun {
  readonly started: StartedEvent;
  readonly finished: FinishedEvent;
  /** The count model that the run has to beat, if its loss is known. */
  readonly baseline: BaselineEvent | undefined;
  /** Number of iterations since the run was started or resumed. */
  readonly iterations: number;
  /** Time since the first of them began. */
  readonly milliseconds: number;
}

export async function summaryLines(ended: EndedRun): Promise<string[]> {
  const { started, finished, iterations, milliseconds } = ended;
  const { writes, runId } = started;
  const runs = writes === undefined ? [] : (await surveyFolder(writes)).runs;
  const run = runs.find((one) => one.runId === runId);
  const made =
    iterations === 0
      ? []
      : [
          `trained ${counted(iterations, 'iteration')} in ${formatDuration(milliseconds)}, ` +
            `to iteration ${formatCount(finished.iteration)}, epoch ${fixed(finished.epoch, 2)}`,
        ];
  const best = bestLine(ended, run?.best);
  const model = run?.best ?? run?.last ?? finished.path;
  if (model === undefined && iterations === 0)
    return ['stopped before the first iteration: nothing was saved'];
  if (model === undefined) return [...made, ...best];
  const next =
    finished.reason === 'interrupted' && run
      ? [`continue with: ${commandLine(['train', '--resume', fileWord(runPath(run, runs))])}`]
      : [nextCommand(started, model)];
  return [...made, ...best, `sample with: ${commandLine(['sample', fileWord(model)])}`, ...next];
}

/** `eval` needs a held-out part, and files that the run knows. */
function nextCommand({ batches, text }: StartedEvent, model: string): string {
  const hasFiles = batches.validation > 0 && text.paths !== undefined;
  return hasFiles
    ? `measure with: ${commandLine(['eval', fileWord(model)])}`
    : `serve with: ${commandLine(['serve', fileWord(model)])}`;
}

function bestLine({ finished, baseline }: EndedRun, path: string | undefined): string[] {
  const losses = finished.checkpoint.training?.validationLosses;
  const best = losses && bestLoss(losses, finished);
  if (!best) return [];
  const place = path === undefined ? '' : `: ${path}`;
  const comparison = baseline ? `, ${compareWithBaseline(best.loss, baseline)}` : '';
  return [
    `best validation loss ${fixed(best.loss, 4)} at epoch ${fixed(best.epoch, 2)}${comparison}${place}`,
  ];
}
