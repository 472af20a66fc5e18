/** `char-rnn eval`: prints results to standard output, and everything else to standard error. */
import type { TrainedCheckpoint } from '../../checkpoint/checkpoint.ts';
import { loadCorpus } from '../../data/corpus.node.ts';
import type { Corpus } from '../../data/corpus.ts';
import { shortPath } from '../../data/files/moved-file.node.ts';
import { CheckpointError, UsageError } from '../../errors.ts';
import { partBaseline, partLoss } from '../../train/part-loss.ts';
import { checkSameHeldOut } from '../../train/start/resume.ts';
import { inputsOfRun } from '../../train/start/run-inputs.node.ts';
import { inFlags } from '../arguments/flags-in-messages.ts';
import type { CommandInput } from '../command.ts';
import { type EvaluationReport, LABEL_WIDTH, reportJson, reportLines } from '../report/eval-report.ts';
import { note } from '../terminal/note.ts';
import { outputWidth, TextOutput } from '../terminal/output.ts';
import { ProgressLine } from '../terminal/progress-line.ts';
import { catchSignals } from '../terminal/signals.ts';
import { wrapHanging } from '../terminal/text-width.ts';
import { scoreWholeText, type WholeTextFlags } from './eval-text.ts';
import { findModelFile } from './model-file.ts';
import { readingOptionsOfRun } from './reading-options.ts';
import { openScoredModel, type ScoredModel, type ScoredModelOptions } from './scored-model.ts';

export interface EvalFlags extends WholeTextFlags, ScoredModelOptions {
  readonly part?: 'train' | 'val' | 'test' | 'all' | undefined;
  /** Whether to measure a count model too. */
  readonly baseline: boolean;
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
  const model = await openScoredModel(await findModelFile(path), flags, note, input);
  const say = (notice: string) => note(inFlags(notice, input.command.flags));
  const stopped = catchSignals();
  const output = new TextOutput((code) => stopped.stop(code));
  try {
    const { part = text === undefined ? 'val' : 'all', validation, test } = flags;
    if (part === 'all' && (validation !== undefined || test !== undefined)) {
      throw new UsageError(
        `${validation === undefined ? '--test' : '--valid'} says where a text of the run is now: use it with --part val, test or train.`,
      );
    }
    if (flags.baseline && part !== 'val' && part !== 'test') {
      throw new UsageError(
        `--baseline compares the losses on a held-out split of the run: use it with --part val or test.`,
      );
    }
    const unused = unusedStatisticsFlag(flags);
    if (unused !== undefined) throw new UsageError(`${unused} needs --dynamic, which uses the statistics.`);
    const report =
      part === 'all'
        ? await scoreWholeText(model, textOf(text), flags, { output, say, signal: stopped.signal })
        : await scorePart(model, text, part, flags, say, stopped.signal);
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

/** A flag about the statistics of dynamic evaluation that is given without it. */
function unusedStatisticsFlag({ dynamic, statisticsText, saveStatistics }: EvalFlags): string | undefined {
  if (dynamic) return undefined;
  if (saveStatistics) return '--save-statistics';
  return statisticsText === undefined ? undefined : '--statistics-text';
}

function textOf(text: string | undefined): string {
  if (text !== undefined) return text;
  throw new UsageError('--part all needs a text.', {
    remedies: [{ text: 'For example', command: ['eval', 'cv', 'other.txt'] }],
  });
}

/** The lines of a report, broken between words at the width of a terminal. */
function foldedReport(report: EvaluationReport): string[] {
  return reportLines(report).flatMap((line) => wrapHanging(line, LABEL_WIDTH, outputWidth()));
}

/** Scores a split of the text that the checkpoint was trained on. */
async function scorePart(
  model: ScoredModel,
  text: string | undefined,
  part: 'train' | 'val' | 'test',
  flags: EvalFlags,
  say: (notice: string) => void,
  signal: AbortSignal,
): Promise<EvaluationReport> {
  const { surprise, dynamic, rows, separator, encoding, validation, test } = flags;
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
  const { training } = model.checkpoint;
  if (!training) {
    throw new CheckpointError(
      'checkpoint-not-resumable',
      `${model.path} has no training state, so its own text is not known. Name a text to measure it on.`,
    );
  }
  const checkpoint: TrainedCheckpoint = { ...model.checkpoint, training };
  checkSameHeldOut({ validation, test }, checkpoint, model.path);
  const places = { paths: text === undefined ? undefined : [text], validation, test };
  const inputs = await inputsOfRun(checkpoint, model.path, places, { for: 'eval', part });
  inputs.notices.forEach(say);
  const corpus = await loadCorpus(inputs.source, {
    ...readingOptionsOfRun(checkpoint, { encoding }),
    normalize: checkpoint.vocabulary.normalize,
    minCount: 1,
    unknown: training.options.unknown === 'skip' ? 'skip' : 'error',
    vocabulary: checkpoint.vocabulary,
    separator: separatorOf(checkpoint),
    valid: inputs.valid,
    test: inputs.test,
    wanted: inputs.wanted,
  }).catch(async (error: unknown) => {
    throw await inputs.explain(error);
  });
  const progress = new ProgressLine(`evaluating ${corpus.text.name}`);
  const run = {
    checkpoint,
    name: model.path,
    corpus,
    part: part === 'val' ? 'validation' : part,
    signal,
  } as const;
  const measure = async () => {
    const onProgress = (done: number, all: number) => progress.show(done / all);
    const loss = await partLoss({ ...run, engine: model.engine, onProgress });
    return { ...loss, baseline: flags.baseline ? await partBaseline(run) : undefined };
  };
  const loss = await measure().finally(async () => {
    progress.close();
    await corpus.close?.();
  });
  return {
    model,
    text: corpus.text,
    part,
    changed: corpus.changed,
    how: `${part}: ${loss.batches} batches of ${loss.batchSize} × ${loss.sequenceLength}${heldOutName(corpus, part)}, as in training`,
    documents: [],
    characters: loss.characters,
    nats: loss.nats,
    dynamic: undefined,
    baseline: loss.baseline,
    surprising: undefined,
  };
}

/** The name of the held-out text, if the part is one. */
function heldOutName({ text }: Corpus, part: 'train' | 'val' | 'test'): string {
  const path = part === 'val' ? text.validPath : part === 'test' ? text.testPath : undefined;
  return path === undefined ? '' : ` of ${shortPath(path)}`;
}

/** The text that ended a document in the run. */
function separatorOf({ training }: TrainedCheckpoint): string | undefined {
  const { separator } = training.options;
  return typeof separator === 'string' ? separator : undefined;
}
