/** The trials of a sweep as lines, as JSON and as CSV. */
import type { SweepEvent } from '../../sweep/events.ts';
import type { Parameters } from '../../sweep/space.ts';
import type { SweepRecord, TrialRecord } from '../../sweep/store.ts';
import { flagNameOf } from '../../sweep/training-option.ts';
import { fixed } from '../../util/c-format.ts';
import { commandLine, fileWord } from '../arguments/command-line.ts';
import { longFlag } from '../arguments/flag-table.ts';

/** `1.2345 ± 0.0050`. */
export function lossText(loss: number | undefined, standardError: number | undefined): string {
  if (loss === undefined) return '-';
  return standardError === undefined ? fixed(loss, 4) : `${fixed(loss, 4)} ± ${fixed(standardError, 4)}`;
}

/** `--rnn-size 128 --dropout 0.2`. */
export function parameterText(parameters: Parameters): string {
  return parameterWords(parameters).join(' ');
}

function parameterWords(parameters: Parameters): string[] {
  return Object.entries(parameters).flatMap(([key, value]) => {
    const name = longFlag(flagNameOf(key));
    if (typeof value === 'boolean') return [value ? name : `${name}=false`];
    return [name, String(value)];
  });
}

/** The machine of a worker, which is named after its machine and its process. */
export function hostOf(worker: string | undefined): string {
  return worker?.replace(/:\d+$/, '') ?? 'another machine';
}

export function endedLine(event: Extract<SweepEvent, { type: 'ended' }>): string {
  const job = `trial ${event.trial}, rung ${event.rung + 1}`;
  if (event.state === 'done') return `${job}: loss ${lossText(event.loss, event.standardError)}`;
  return `${job}: ${event.state}: ${event.message?.replaceAll('\n', ' ')}`;
}

export function bestLine({ trial, loss, standardError, iteration, parameters }: TrialRecord): string {
  return `best: trial ${trial}, loss ${lossText(loss, standardError)} at iteration ${iteration}: ${parameterText(parameters)}`;
}

/** How to use a command with the paths of texts on another machine. */
export const WITH_OWN_PATHS = 'with the paths that the texts have on this machine';

/**
 * The best trial, those that are as good, and how to use its model.
 *
 * @param trials The best ones, best first.
 * @param copy The path of the model.
 * @param hasTexts Whether the texts have the same paths on this machine as on the one that made the sweep.
 */
export function bestLines(
  sweep: SweepRecord,
  trials: readonly TrialRecord[],
  { copy, hasTexts }: { readonly copy: string; readonly hasTexts: boolean },
): string[] {
  const [best, ...others] = trials;
  if (!best) return [];
  const equal = others.filter((one) => isEqual(best, one)).map(({ trial }) => trial);
  const plural = equal.length > 1;
  return [
    bestLine(best),
    ...(equal.length > 0
      ? [`as good within one standard error: trial${plural ? 's' : ''} ${equal.join(', ')}`]
      : []),
    `model: ${copy}`,
    'To write with it:',
    `  ${commandLine(['sample', fileWord(copy)])}`,
    `To train it again, from the start${hasTexts ? '' : `, ${WITH_OWN_PATHS}`}:`,
    `  ${commandLine(trainWords(sweep, best))}`,
  ];
}

/** Whether the losses of two trials differ by less than a standard error. */
function isEqual(a: TrialRecord, b: TrialRecord): boolean {
  const error = Math.max(a.standardError ?? 0, b.standardError ?? 0);
  return Math.abs((a.loss ?? Infinity) - (b.loss ?? -Infinity)) < error;
}

/** The command that trains a trial again. It evaluates at the same iterations, so that it finds the same lowest loss. */
export function trainWords(
  { definition, text }: SweepRecord,
  { parameters, evaluateEvery }: TrialRecord,
): string[] {
  const held = Object.entries({ valid: text.validation, test: text.test }).flatMap(([flag, path]) =>
    path === undefined ? [] : [longFlag(flag), path],
  );
  const include = text.include === undefined ? [] : ['--include', text.include];
  const options = { ...definition.options, evaluateEvery, ...parameters } as Parameters;
  return ['train', ...text.textFile.map(fileWord), ...include, ...held, ...parameterWords(options)];
}

export function bestJson(sweep: SweepRecord, best: TrialRecord, copy: string) {
  const { trial, parameters, loss, standardError, iteration, rung } = best;
  return {
    ...{ sweep: sweep.name, trial, parameters, loss, standardError, iteration, rung: rung + 1 },
    ...{ checkpoint: copy, train: trainWords(sweep, best) },
  };
}

export function tableJson(trials: readonly TrialRecord[]) {
  return trials.map(
    ({ trial, state, rung, loss, standardError, iteration, parameters, message, checkpoint }) => ({
      ...{ trial, state, rung: rung + 1, loss, standardError, iteration, parameters, message, checkpoint },
    }),
  );
}

export function tableCsv({ definition }: SweepRecord, trials: readonly TrialRecord[]): string {
  const names = Object.keys(definition.space);
  const header = ['trial', 'state', 'rung', 'loss', 'standard_error', 'iteration', ...names.map(flagNameOf)];
  const rows = trials.map(({ trial, state, rung, loss, standardError, iteration, parameters }) => [
    ...[trial, state, rung + 1, loss, standardError, iteration],
    ...names.map((name) => parameters[name]),
  ]);
  return [header, ...rows].map((row) => `${row.map(csvCell).join(',')}\n`).join('');
}

function csvCell(value: string | number | boolean | undefined): string {
  const text = String(value ?? '');
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function tableLines(_: SweepRecord, trials: readonly TrialRecord[]): string[] {
  const rows = trials.map(({ trial, state, rung, loss, standardError, parameters }) => [
    ...[String(trial), state, String(rung + 1), lossText(loss, standardError), parameterText(parameters)],
  ]);
  return columns([['trial', 'state', 'rung', 'loss', 'settings'], ...rows]);
}

/** Rows as lines, with each column as wide as its widest cell. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    rows.reduce((width, row) => Math.max(width, row[at]?.length ?? 0), 0),
  );
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
