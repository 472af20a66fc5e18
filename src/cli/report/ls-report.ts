/** Runs and checkpoints, as a table and as JSON. */
import { basename } from 'node:path';
import type {
  FolderSurvey,
  FoundCheckpoint,
  FoundModel,
  FoundRun,
} from '../../checkpoint/storage/run-survey.node.ts';
import type { ModelConfig } from '../../model/config.ts';
import { fixed } from '../../util/c-format.ts';
import { formatBytes } from '../../util/format.ts';
import { typesText } from '../terminal/model-text.ts';
import { clip, columnsOf, wrap } from '../terminal/text-width.ts';
import { bestLoss } from './best-loss.ts';

const GAP = 2;
/** The smallest width of the names of runs and texts on a narrow screen. */
const MIN_NAME = 8;

const HEAD = ['run', 'text', 'model', 'epoch', 'best', 'last', 'when', 'size'];

export function surveyLines(
  surveys: readonly FolderSurvey[],
  { all, width }: { all: boolean; width: number },
): string[] {
  const runs = surveys.flatMap((survey) => survey.runs.map((run) => ({ run, survey })));
  const rows = runs.map(({ run, survey }) => runCells(run, survey));
  const table = runs.length === 0 ? [] : tableLines([HEAD, ...rows], width);
  const [head, ...lines] = table;
  const listed = lines.flatMap((line, at) => [
    line,
    ...(all ? (runs[at]?.run.checkpoints ?? []).map((one) => checkpointLine(one, width)) : []),
  ]);
  const models = surveys.flatMap((survey) => survey.models);
  const damaged = surveys.flatMap((survey) => survey.damaged);
  return [
    ...(head === undefined ? [] : [head, ...listed]),
    ...models.flatMap((model) => wrap(modelText(model), width)),
    ...damaged.flatMap(({ problem }) => wrap(`damaged: ${problem.problem.split('\n')[0]}`, width)),
  ];
}

function runCells(run: FoundRun, { runs, folder }: FolderSurvey): string[] {
  const { newest, checkpoints, saveName } = run;
  const { layers, hiddenSize, cell } = newest.config;
  const best = bestLoss(newest.validationLosses, newest);
  const last = lossAt(newest);
  return [
    runs.length === 1 ? folder : `${folder}/${saveName}`,
    textName(newest),
    `${cell} ${layers}×${hiddenSize}`,
    `${shortNumber(newest.epoch)}/${newest.options.maxEpochs ?? '?'}`,
    best ? `${fixed(best.loss, 4)}@${shortNumber(best.epoch)}` : '-',
    last === undefined ? '-' : fixed(last, 4),
    shortMoment(newest.time),
    formatBytes(checkpoints.reduce((sum, { bytes }) => sum + bytes, 0)).replace('bytes', 'B'),
  ];
}

function textName({ text }: FoundCheckpoint): string {
  const [first, ...more] = text?.paths ?? [];
  if (first === undefined) return '-';
  return more.length === 0 ? basename(first) : `${basename(first)}+${more.length}`;
}

/** The validation loss of a checkpoint, if it was measured there. */
function lossAt({
  iteration,
  validationLosses: { iterations, values },
}: FoundCheckpoint): number | undefined {
  return values[iterations.lastIndexOf(iteration)];
}

/** Columns are as wide as their contents; if the screen is too narrow, the names of texts and runs are cut. */
function tableLines(rows: readonly (readonly string[])[], width: number): string[] {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => columnsOf(row[column] ?? ''))));
  const total = () => widths.reduce((sum, one) => sum + one, 0) + GAP * (widths.length - 1);
  for (const column of [1, 0]) {
    const surplus = total() - width;
    const own = widths[column] as number;
    if (surplus > 0) widths[column] = Math.max(Math.min(own, MIN_NAME), own - surplus);
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const shown = clip(cell, widths[column] as number);
        return shown + ' '.repeat((widths[column] as number) - columnsOf(shown));
      })
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
}

function checkpointLine(checkpoint: FoundCheckpoint, width: number): string {
  const { path, epoch, iteration, time, bytes } = checkpoint;
  const loss = lossAt(checkpoint);
  const facts = [
    `epoch ${fixed(epoch, 2)}`,
    loss === undefined ? `iteration ${iteration}` : fixed(loss, 4),
    shortMoment(time),
    formatBytes(bytes),
  ].join('  ');
  return `${clip(`  ${path}`, Math.max(MIN_NAME, width - facts.length - GAP))}  ${facts}`;
}

function modelText({ path, config, weightTypes, time, bytes }: FoundModel): string {
  const shape = config ? `${config.cell} ${config.layers}×${config.hiddenSize}, ` : '';
  const types = weightTypes ? `${typesText(weightTypes)}, ` : '';
  return `model: ${path}, ${shape}${types}${shortMoment(time)}, ${formatBytes(bytes)}`;
}

function shortNumber(value: number): string {
  return value < 9.95 ? value.toFixed(1) : String(Math.round(value));
}

/** `14:32` for today, `27 Nov` for this year, otherwise `Nov 2025`. */
function shortMoment(milliseconds: number): string {
  const [then, now] = [new Date(milliseconds), new Date()];
  const text = (options: Intl.DateTimeFormatOptions) => then.toLocaleString('en-GB', options);
  if (then.toDateString() === now.toDateString()) return text({ hour: '2-digit', minute: '2-digit' });
  if (then.getFullYear() === now.getFullYear()) return text({ day: 'numeric', month: 'short' });
  return text({ month: 'short', year: 'numeric' });
}

/** Times are in ISO 8601, losses in nats per token. */
export function surveyJson(surveys: readonly FolderSurvey[], all: boolean) {
  return {
    runs: surveys.flatMap(({ runs }) => runs.map((run) => runJson(run, all))),
    models: surveys.flatMap(({ models }) =>
      models.map(({ path, bytes, time, config, weightTypes }) => ({
        path,
        bytes,
        time: iso(time),
        model: shapeJson(config),
        ...(weightTypes && { storedAs: [...new Set(weightTypes)] }),
      })),
    ),
    damaged: surveys.flatMap(({ damaged }) =>
      damaged.map(({ path, problem }) => ({ path, code: problem.code, problem: problem.problem })),
    ),
  };
}

function runJson(run: FoundRun, all: boolean) {
  const { runId, saveName, folder, newest, checkpoints } = run;
  const best = bestLoss(newest.validationLosses, newest);
  return {
    runId,
    saveName,
    folder,
    text: newest.text?.paths,
    model: shapeJson(newest.config),
    iteration: newest.iteration,
    epoch: newest.epoch,
    maxEpochs: newest.options.maxEpochs,
    best: best && { ...best, path: run.best },
    last: { path: run.last ?? newest.path, validationLoss: lossAt(newest) },
    time: iso(newest.time),
    bytes: checkpoints.reduce((sum, { bytes }) => sum + bytes, 0),
    ...(all && {
      checkpoints: checkpoints.map((one) => ({
        path: one.path,
        iteration: one.iteration,
        epoch: one.epoch,
        validationLoss: lossAt(one),
        time: iso(one.time),
        bytes: one.bytes,
      })),
    }),
  };
}

function shapeJson(config: ModelConfig | undefined) {
  return config && { cell: config.cell, layers: config.layers, hiddenSize: config.hiddenSize };
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
