/** Finds the statistics that `eval --dynamic` uses: the mean squared gradient over the training text. */
import { realpath } from 'node:fs/promises';
import { readingNotices } from '../../checkpoint/checkpoint.ts';
import { inType } from '../../checkpoint/tensors/tensors.ts';
import type { Rows } from '../../data/batches/row-batches.ts';
import { trainingTokens } from '../../data/batches/splits.ts';
import { loadCorpus } from '../../data/corpus.node.ts';
import type { Corpus } from '../../data/corpus.ts';
import type { FloatArray } from '../../engine/engine.ts';
import { floatArrayType } from '../../engine/precision.ts';
import { CharRnnError, CheckpointError } from '../../errors.ts';
import { exportCheckpoint } from '../../formats/export.ts';
import { openCheckpointPath } from '../../formats/read.node.ts';
import { writeExport } from '../../formats/write-export.node.ts';
import { meanSquareGradient } from '../../score/mean-square.ts';
import type { ScoreOptions } from '../../score/options.ts';
import { checkSameText, resumedOptions } from '../../train/start/resume.ts';
import { ProgressLine } from '../terminal/progress-line.ts';
import { openOwnText } from './own-text.ts';
import { readingOptionsFor } from './reading-options.ts';
import type { ScoredModel } from './scored-model.ts';

export interface StatisticsFlags extends Pick<ScoreOptions, 'unknown'> {
  readonly statisticsText?: string | undefined;
  readonly saveStatistics: boolean;
  readonly encoding?: string | undefined;
  readonly field?: string | undefined;
}

export interface StatisticsContext {
  /** Called with notices that name options in backticks. */
  readonly say: (notice: string) => void;
  readonly signal: AbortSignal;
}

/** A training text, which the caller must close. */
interface TrainingText {
  readonly corpus: Corpus;
  readonly tokens: Rows;
}

/**
 * The mean squared gradient: over the text that the user names, else from the checkpoint, else over the checkpoint's training text if that is
 * unchanged. Undefined, with a notice, if there is none of these.
 *
 * @throws {TextError | CheckpointError} if the text that the user names can't be read, or the statistics can't be saved
 */
export async function statisticsFor(
  model: ScoredModel,
  flags: StatisticsFlags,
  context: StatisticsContext,
): Promise<FloatArray | undefined> {
  const { meanSquare, training } = model.checkpoint;
  if (flags.statisticsText === undefined && meanSquare) return meanSquare;
  let text: TrainingText;
  try {
    if (flags.statisticsText !== undefined)
      text = await namedText(model, flags.statisticsText, flags, context);
    else if (training) text = await ownText(model, context);
    else throw noText(model.path);
  } catch (error) {
    const isRequired = flags.statisticsText !== undefined || flags.saveStatistics;
    if (isRequired || context.signal.aborted || !(error instanceof CharRnnError)) throw error;
    const [reason] = error.problem.split('\n');
    context.say(
      `--dynamic has no statistics of the training text, so it uses a running mean square. With statistics, models that were trained for long gain more. ${reason} Name the text with --statistics-text.`,
    );
    return undefined;
  }
  const measured = await measure(model, text, context.signal);
  if (flags.saveStatistics) {
    await save(model, measured);
    context.say(`stored the statistics in ${model.path}`);
  }
  return measured;
}

function noText(path: string): CheckpointError {
  return new CheckpointError(
    'checkpoint-not-resumable',
    `${path} has no training state, so its training text is not known.`,
    { remedies: [{ text: 'Name the text that it was trained on', set: { statisticsText: 'book.txt' } }] },
  );
}

/** The whole of a text. */
async function namedText(
  { checkpoint }: ScoredModel,
  path: string,
  flags: StatisticsFlags,
  { say }: StatisticsContext,
): Promise<TrainingText> {
  const { vocabulary } = checkpoint;
  const corpus = await loadCorpus(
    { paths: [path] },
    {
      ...readingOptionsFor(checkpoint, flags),
      normalize: vocabulary.normalize,
      minCount: 1,
      unknown: flags.unknown,
      vocabulary,
    },
  );
  corpus.notices.forEach(say);
  return { corpus, tokens: { tokens: corpus.tokens, offset: 0, length: corpus.tokens.length } };
}

/** The training part of the text of the checkpoint's run. */
async function ownText(model: ScoredModel, { say }: StatisticsContext): Promise<TrainingText> {
  const { checkpoint, corpus } = await openOwnText(model, {}, 'train', say);
  try {
    checkSameText(corpus.text, checkpoint, model.path);
    const { options } = resumedOptions({}, checkpoint, model.path);
    const tokens = trainingTokens(corpus, { ...options, heldOut: checkpoint.training.shapeChange?.heldOut });
    return { corpus, tokens };
  } catch (error) {
    await corpus.close?.();
    throw error;
  }
}

async function measure(
  { engine, checkpoint: { config, parameters } }: ScoredModel,
  { corpus, tokens }: TrainingText,
  signal: AbortSignal,
): Promise<FloatArray> {
  const { name } = corpus.text;
  const progress = new ProgressLine(`measuring the gradient on ${name}`);
  try {
    return await meanSquareGradient({
      ...{ engine, config, parameters, text: tokens, name, signal },
      onProgress: (done, all) => progress.show(done / all),
    });
  } finally {
    progress.close();
    await corpus.close?.();
  }
}

/**
 * Adds the statistics to the checkpoint's file. If its name is a link, the file that it points to is replaced.
 *
 * @throws {CheckpointError} `checkpoint-not-convertible` if they can't be stored there, `checkpoint-save-failed`
 */
async function save({ path, checkpoint: scored }: ScoredModel, meanSquare: FloatArray): Promise<void> {
  const file = await realpath(path);
  const { checkpoint, format } = await openCheckpointPath(file);
  if (format !== 'safetensors' || checkpoint.weightTypes || readingNotices(checkpoint).length > 0) {
    throw new CheckpointError(
      'checkpoint-not-convertible',
      `${path} was not changed: statistics can be stored only in a checkpoint of this program, in float32 or float64.`,
      { remedies: [{ text: 'Convert it first', command: ['convert', path, 'model.safetensors'] }] },
    );
  }
  const { parameters, precision } = checkpoint;
  if (!parameters.every((value, index) => value === scored.parameters[index])) {
    throw new CheckpointError(
      'checkpoint-save-failed',
      `${path} was not changed: another program has replaced it in the meantime.`,
    );
  }
  const written = { ...checkpoint, meanSquare: inType(meanSquare, floatArrayType(precision)) };
  await writeExport(file, exportCheckpoint(written, 'safetensors'));
}
