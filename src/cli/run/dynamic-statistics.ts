/** Finds the statistics that `eval --dynamic` uses: the mean squared gradient over the training text. */
import { realpath } from 'node:fs/promises';
import { readingNotices, type TrainedCheckpoint } from '../../checkpoint/checkpoint.ts';
import { inType } from '../../checkpoint/tensors/tensors.ts';
import type { Rows } from '../../data/batches/row-batches.ts';
import { trainingTokens } from '../../data/batches/splits.ts';
import { loadCorpus } from '../../data/corpus.node.ts';
import type { Corpus } from '../../data/corpus.ts';
import { AUTO } from '../../data/encoding/encodings.ts';
import type { FloatArray } from '../../engine/engine.ts';
import { floatArrayType } from '../../engine/precision.ts';
import { CharRnnError, CheckpointError } from '../../errors.ts';
import { exportCheckpoint } from '../../formats/export.ts';
import { openCheckpointPath } from '../../formats/read.node.ts';
import { writeExport } from '../../formats/write-export.node.ts';
import { meanSquareGradient } from '../../score/mean-square.ts';
import type { ScoreOptions } from '../../score/options.ts';
import { checkSameText, resumedOptions } from '../../train/start/resume.ts';
import { withProgress } from '../terminal/progress-line.ts';
import { openOwnText } from './own-text.ts';
import { readingOptionsFor, readingOptionsOfRun, symbolsOf, wholeTextReading } from './reading-options.ts';
import type { ScoredModel } from './scored-model.ts';

export interface StatisticsFlags extends Pick<ScoreOptions, 'unknown' | 'rows'> {
  readonly statisticsText?: string | undefined;
  readonly saveStatistics: boolean;
  readonly encoding?: string | undefined;
  readonly field?: string | undefined;
  readonly separator?: string | undefined;
}

export interface StatisticsContext {
  /** Called with notices that name options in backticks. */
  readonly say: (notice: string) => void;
  readonly signal: AbortSignal;
}

/** A training text. */
interface TrainingText {
  readonly name: string;
  readonly tokens: Rows;
  readonly close: () => Promise<void>;
}

/**
 * The mean squared gradient: over the text that the user names, else from the checkpoint, else over the checkpoint's training text if that is
 * unchanged. Undefined, with a notice, if there is none of these.
 *
 * @param scored The text that is scored, read with `flags`. If it is the checkpoint's training text, that is not read again.
 * @throws {TextError | CheckpointError} if the text that the user names can't be read, or the statistics can't be saved
 */
export async function statisticsFor(
  model: ScoredModel,
  scored: Corpus,
  flags: StatisticsFlags,
  context: StatisticsContext,
): Promise<FloatArray | undefined> {
  const { meanSquare, training } = model.checkpoint;
  if (flags.statisticsText === undefined && meanSquare) return meanSquare;
  let text: TrainingText;
  try {
    if (flags.statisticsText !== undefined)
      text = await namedText(model, flags.statisticsText, flags, context);
    else if (!training) throw noText(model.path);
    else {
      const checkpoint = { ...model.checkpoint, training };
      text = scoredText(checkpoint, model.path, scored, flags) ?? (await ownText(model, context));
    }
  } catch (error) {
    const isRequired = flags.statisticsText !== undefined || flags.saveStatistics;
    if (isRequired || context.signal.aborted || !(error instanceof CharRnnError)) throw error;
    const [reason] = error.problem.split('\n');
    context.say(
      `--dynamic has no statistics of the training text, so it uses a running mean square. With statistics, models that were trained for a long time gain more. ${reason} Name the text with --statistics-text.`,
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
  const corpus = await loadCorpus(
    { paths: [path] },
    {
      ...readingOptionsFor(checkpoint, flags),
      ...symbolsOf(checkpoint.vocabulary, flags.unknown),
    },
  );
  corpus.notices.forEach(say);
  const { tokens } = corpus;
  return trainingText(corpus, { tokens, offset: 0, length: tokens.length });
}

/** The training part of the text of the checkpoint's run. */
async function ownText(model: ScoredModel, { say }: StatisticsContext): Promise<TrainingText> {
  const { checkpoint, corpus } = await openOwnText(model, {}, 'train', say);
  try {
    checkSameText(corpus.text, checkpoint, model.path);
    return trainingText(corpus, trainingPart(corpus, checkpoint, model.path));
  } catch (error) {
    await corpus.close?.();
    throw error;
  }
}

/** The training part of the text that is scored, if that is the text of the checkpoint's run and was read in the same way. */
function scoredText(
  checkpoint: TrainedCheckpoint,
  path: string,
  scored: Corpus,
  flags: StatisticsFlags,
): TrainingText | undefined {
  const { text } = checkpoint.training;
  const isSame = text?.sha256 === scored.text.sha256 && !text.validPath && !text.testPath;
  const [own, read] = [readingOptionsOfRun(checkpoint, {}), wholeTextReading(checkpoint, flags)];
  const isReadAlike =
    (own.encoding ?? AUTO) === (read.encoding ?? AUTO) &&
    own.field === read.field &&
    own.separator === read.separator;
  const isChanged = scored.changed && scored.changed.replaced + scored.changed.leftOut > 0;
  if (!isSame || !isReadAlike || isChanged) return undefined;
  return { name: scored.text.name, tokens: trainingPart(scored, checkpoint, path), close: async () => {} };
}

function trainingPart(corpus: Corpus, checkpoint: TrainedCheckpoint, path: string): Rows {
  const { options } = resumedOptions({}, checkpoint, path);
  return trainingTokens(corpus, { ...options, heldOut: checkpoint.training.shapeChange?.heldOut });
}

/** A text that is closed after it is measured. */
function trainingText(corpus: Corpus, tokens: Rows): TrainingText {
  return { name: corpus.text.name, tokens, close: async () => await corpus.close?.() };
}

async function measure(
  { engine, checkpoint: { config, parameters } }: ScoredModel,
  { name, tokens, close }: TrainingText,
  signal: AbortSignal,
): Promise<FloatArray> {
  try {
    return await withProgress(`measuring the gradient on ${name}`, (onProgress) =>
      meanSquareGradient({ engine, config, parameters, text: tokens, name, signal, onProgress }),
    );
  } finally {
    await close();
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
      {
        remedies: [
          {
            text: 'Convert it first',
            command: ['convert', path, 'model.safetensors', '--precision', 'float32'],
          },
        ],
      },
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
