/** `char-rnn eval`: prints results to standard output, and everything else to standard error. */
import { UsageError } from '../../errors.ts';
import { atTemperature } from '../../model/temperature.ts';
import { inFlags } from '../arguments/flags-in-messages.ts';
import type { CommandInput } from '../command.ts';
import { type EvaluationReport, LABEL_WIDTH, reportJson, reportLines } from '../report/eval-report.ts';
import { note } from '../terminal/note.ts';
import { outputWidth, TextOutput } from '../terminal/output.ts';
import { catchSignals } from '../terminal/signals.ts';
import { wrapHanging } from '../terminal/text-width.ts';
import { fitOnValidation, type PartFlags, scorePart } from './eval-part.ts';
import { scoreWholeText, type WholeTextFlags } from './eval-text.ts';
import { findModelFile } from './model-file.ts';
import { openScoredModel, type ScoredModelOptions } from './scored-model.ts';

type Part = 'train' | 'val' | 'test' | 'all';

export interface EvalFlags extends WholeTextFlags, PartFlags, ScoredModelOptions {
  readonly part?: Part | undefined;
  /** A unit whose values colour the text, instead of a score. */
  readonly unit?: string | undefined;
  /** Files with the held-out texts of the run. */
  readonly validation?: string | undefined;
  readonly test?: string | undefined;
}

export async function runEval(input: CommandInput, flags: EvalFlags): Promise<number> {
  const { positionals } = input;
  const [path, text, ...more] = positionals;
  if (path === undefined || more.length > 0) {
    throw new UsageError(
      `eval takes a checkpoint, and a text if it is not the checkpoint's own, got ${positionals.length}.`,
      { remedies: [{ text: 'For example', command: ['eval', 'cv', 'other.txt'] }] },
    );
  }
  if (flags.unit !== undefined) {
    checkUnitFlags(text, flags);
    const { evalUnit } = await import('./eval-unit.ts');
    return evalUnit(path, textOf(text, '--unit'), flags.unit, flags);
  }
  const opened = await openScoredModel(await findModelFile(path), flags, note, input);
  const model = { ...opened, checkpoint: atTemperature(opened.checkpoint, flags.temperature) };
  const say = (notice: string) => note(inFlags(notice, input.command.flags));
  const stopped = catchSignals();
  const output = new TextOutput((code) => stopped.stop(code));
  try {
    const { part = text === undefined ? 'val' : 'all' } = flags;
    checkCombination(part, flags);
    const { validation, test, encoding } = flags;
    const context = { output, say, signal: stopped.signal };
    const fitted = () => fitOnValidation(model, { validation, test }, context);
    const report =
      part === 'all'
        ? await scoreWholeText(model, textOf(text, '--part all'), flags, {
            ...context,
            fit: flags.fitTemperature ? await fitted() : undefined,
          })
        : await scorePart(model, part, { text, validation, test, encoding }, flags, context);
    const lines = flags.json ? [JSON.stringify(reportJson(report), undefined, 2)] : foldedReport(report);
    await output.write(`${lines.join('\n')}\n`);
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
  } finally {
    stopped.release();
    await model.engine.close();
  }
  return stopped.exitCode() ?? 0;
}

/** @throws {UsageError} for flags that do not go together */
function checkCombination(part: Part, flags: EvalFlags): void {
  const { validation, test, baseline, fitTemperature, temperature, surprise, dynamic, rows, separator } =
    flags;
  if (part === 'all' && !fitTemperature && (validation !== undefined || test !== undefined)) {
    throw new UsageError(
      `${validation === undefined ? '--test' : '--valid'} says where a text of the run is now: use it with --part val, test or train.`,
    );
  }
  if (baseline && part !== 'val' && part !== 'test') {
    throw new UsageError(
      `--baseline compares the losses on a held-out split of the run: use it with --part val or test.`,
    );
  }
  if (fitTemperature && temperature !== 1) {
    throw new UsageError(
      '--fit-temperature finds a temperature and --temperature gives one: use only one of them.',
    );
  }
  if (fitTemperature && dynamic) {
    throw new UsageError('--fit-temperature is for fixed weights: leave out --dynamic.');
  }
  if (dynamic && flags.quantize === 'int8') {
    throw new UsageError(
      '--dynamic changes the weights, but those of --quantize int8 are fixed: use only one of them.',
    );
  }
  const unused = unusedStatisticsFlag(flags);
  if (unused !== undefined) throw new UsageError(`${unused} needs --dynamic, which uses the statistics.`);
  if (part === 'all') return;
  if (surprise || dynamic) {
    throw new UsageError(
      `${surprise ? '--surprise' : '--dynamic'} needs a whole text: name one, with --part all.`,
    );
  }
  if (rows > 1 || separator !== undefined) {
    throw new UsageError(
      `${rows > 1 ? '--rows' : '--separator'} cuts a text, but --part ${part} is read in the batches of its run. Name a text, with --part all.`,
    );
  }
}

/** @throws {UsageError} for flags of a score, which `--unit` does not compute */
function checkUnitFlags(text: string | undefined, flags: EvalFlags): void {
  const { surprise, dynamic, baseline, fitTemperature, temperature, rows, separator, part } = flags;
  const used = {
    surprise,
    dynamic,
    baseline,
    'fit-temperature': fitTemperature,
    temperature: temperature !== 1,
    rows: rows > 1,
    separator: separator !== undefined,
  };
  for (const [name, isUsed] of Object.entries(used))
    if (isUsed)
      throw new UsageError(`--unit colours a text and --${name} is about its score: use one of them.`);
  if (flags.quantize === 'int8')
    throw new UsageError('--unit computes with floats: leave out --quantize int8.');
  if (part !== undefined && part !== 'all' && text === undefined)
    throw new UsageError('--unit needs a whole text: name one, without --part.');
}

/** A flag about the statistics of dynamic evaluation that is given without it. */
function unusedStatisticsFlag({ dynamic, statisticsText, saveStatistics }: EvalFlags): string | undefined {
  if (dynamic) return undefined;
  if (saveStatistics) return '--save-statistics';
  return statisticsText === undefined ? undefined : '--statistics-text';
}

function textOf(text: string | undefined, flag: string): string {
  if (text !== undefined) return text;
  throw new UsageError(`${flag} needs a text.`, {
    remedies: [{ text: 'For example', command: ['eval', 'cv', 'other.txt'] }],
  });
}

/** The lines of a report, broken between words at the width of a terminal. */
function foldedReport(report: EvaluationReport): string[] {
  return reportLines(report).flatMap((line) => wrapHanging(line, LABEL_WIDTH, outputWidth()));
}
