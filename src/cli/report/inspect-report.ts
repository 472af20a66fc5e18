/** What `char-rnn inspect` shows of a file, as lines and as JSON. */
import type { LossRecord, Origin, TrainingState } from '../../checkpoint/checkpoint.ts';
import type { TensorStatistics } from '../../checkpoint/tensor-statistics.ts';
import { quotedSymbol, symbolText } from '../../data/symbols/symbol-text.ts';
import type { TokenKind } from '../../data/vocabulary.ts';
import { parameterCount } from '../../engine/layout.ts';
import type { OpenedCheckpoint } from '../../formats/open.ts';
import { layoutOf } from '../../model/config.ts';
import { NO_REGULARIZATION } from '../../model/regularization.ts';
import { fixed } from '../../util/c-format.ts';
import { formatBytes, formatCount } from '../../util/format.ts';
import { type Flag, longFlag } from '../arguments/flag-table.ts';
import { describeShape, storedText } from '../terminal/model-text.ts';

/** A file of a checkpoint. */
export interface InspectedFile extends OpenedCheckpoint {
  readonly path: string;
  readonly bytes: number;
}

export function checkpointJson({ path, bytes, checkpoint, format }: InspectedFile) {
  const { config, regularization = NO_REGULARIZATION, precision, vocabulary } = checkpoint;
  const { training, origin, notices, weightTypes = [precision] } = checkpoint;
  return {
    path,
    format,
    bytes,
    notices,
    ...config,
    ...regularization,
    parameters: parameterCount(layoutOf(config)),
    precision,
    storedAs: [...new Set(weightTypes)],
    hasStatistics: checkpoint.meanSquare !== undefined,
    vocabulary: {
      kind: vocabulary.kind,
      normalize: vocabulary.normalize,
      size: vocabulary.size,
      hasUnknown: vocabulary.hasUnknown,
      unicodeVersion: vocabulary.unicodeVersion,
      symbols: vocabulary.symbols.map((symbol) => symbolText(symbol, vocabulary.kind)),
    },
    training: training && {
      runId: training.runId,
      iteration: training.iteration,
      epoch: training.epoch,
      learningRate: training.learningRate,
      shapeChange: training.shapeChange,
      optimizerSteps: training.optimizerSteps,
      averagedSince: training.average?.since,
      options: training.options,
      text: training.text,
      trainLosses: pairs(training.trainLosses),
      validationLosses: pairs(training.validationLosses),
    },
    origin: origin && {
      ...origin,
      trainLosses: pairs(origin.trainLosses),
      validationLosses: pairs(origin.validationLosses),
    },
  };
}

function pairs({ iterations, values }: LossRecord) {
  return Array.from(iterations, (iteration, index) => ({ iteration, loss: values[index] as number }));
}

/** Columns of the name of a fact. */
export const LABEL_WIDTH = 19;

/** @param flags Those of `train`: options are shown under their names. */
export function checkpointLines(
  { path, bytes, checkpoint, format }: InspectedFile,
  flags: readonly Flag[],
): string[] {
  const { config, regularization = NO_REGULARIZATION, vocabulary } = checkpoint;
  const { training, origin, notices = [] } = checkpoint;
  return [
    path,
    `  format           ${format}, ${formatBytes(bytes)}`,
    `  model            ${describeShape(config)}, dropout ${regularization.dropout}, ${storedText(checkpoint)}`,
    `  parameters       ${formatCount(parameterCount(layoutOf(config)))}`,
    `  vocabulary size  ${vocabulary.size}${vocabulary.hasUnknown ? ', one of them for unknown characters' : ''}`,
    `  symbols          ${vocabulary.kind}s ${shownSymbols(vocabulary.symbols, vocabulary.kind)}`,
    ...(checkpoint.meanSquare ? ['  statistics       of its training text, for eval --dynamic'] : []),
    ...(training ? trainingLines(training, flags) : ['  no training state: it can be used, but not resumed']),
    ...notices.map((notice) => `  ${plain(notice)}`),
    ...(origin ? originLines(origin, flags) : []),
  ];
}

function trainingLines(training: TrainingState, flags: readonly Flag[]): string[] {
  const { iteration, epoch, learningRate, text, shapeChange, average } = training;
  const { batchSize, sequenceLength } = shapeChange?.heldOut ?? {};
  return [
    `  iteration        ${formatCount(iteration)}, epoch ${fixed(epoch, 3)}, learning rate ${learningRate}`,
    ...(average
      ? [`  parameters are the average of the weights since iteration ${formatCount(average.since)}`]
      : []),
    ...(text
      ? [
          `  text             ${formatCount(text.bytes)} bytes${filesText(text.files)}, SHA-256 ${plain(text.sha256)}`,
        ]
      : []),
    ...(shapeChange
      ? [
          `  resumed with another batch shape; the held-out part still follows batches of ${batchSize} × ${sequenceLength}`,
        ]
      : []),
    ...runLines(training, flags),
  ];
}

/** The facts about a run of another program, from its checkpoint. */
function originLines(origin: Origin, flags: readonly Flag[]): string[] {
  const { program, iteration, epoch, notices, sampleOnly } = origin;
  const place = [
    ...(iteration === undefined ? [] : [`iteration ${formatCount(iteration)}`]),
    ...(epoch === undefined ? [] : [`epoch ${fixed(epoch, 3)}`]),
  ];
  return [
    `  made by          ${[plain(program), ...place].join(', ')}`,
    ...[...notices, ...(sampleOnly === undefined ? [] : [sampleOnly])].map((line) => `  ${plain(line)}`),
    ...runLines(origin, flags),
  ];
}

/** A run may have thousands of train losses. */
const MAX_SHOWN_TRAIN_LOSSES = 10;

type Run = Pick<Origin, 'options' | 'trainLosses' | 'validationLosses'>;

function runLines({ options, trainLosses, validationLosses }: Run, flags: readonly Flag[]): string[] {
  const trainLossCount = trainLosses.iterations.length;
  return [
    'options',
    ...optionLines(options, flags),
    'validation losses by iteration',
    ...lossLines(validationLosses, Number.POSITIVE_INFINITY),
    `train losses by iteration${trainLossCount > MAX_SHOWN_TRAIN_LOSSES ? ` (the last ${MAX_SHOWN_TRAIN_LOSSES} of ${formatCount(trainLossCount)})` : ''}`,
    ...lossLines(trainLosses, MAX_SHOWN_TRAIN_LOSSES),
  ];
}

/** Options as flags. A checkpoint of another program may have more options; their names stay as stored. */
function optionLines(options: Readonly<Record<string, unknown>>, flags: readonly Flag[]): string[] {
  const names = new Map(
    flags.flatMap(({ key, info }) => {
      const shown = longFlag(info.flag);
      return [
        [key, shown],
        [info.flag, shown],
      ];
    }),
  );
  return Object.entries(options).map(
    ([key, value]) =>
      `  ${plain(names.get(key) ?? key).padEnd(27)} ${typeof value === 'number' ? value : plain(String(JSON.stringify(value) ?? ''))}`,
  );
}

/** The number of files of a text, if more than one. */
function filesText(files: readonly unknown[] | undefined): string {
  return files && files.length > 1 ? ` in ${formatCount(files.length)} files` : '';
}

/** A text from a file, with control characters, which could move the cursor or worse, replaced. */
function plain(text: string): string {
  return text.replace(/^"(.*)"$/, '$1').replace(/\p{Control}/gu, '\ufffd');
}

function lossLines(record: LossRecord, most: number): string[] {
  const all = pairs(record);
  if (all.length === 0) return ['  none'];
  return all
    .slice(-Math.min(most, all.length))
    .map(({ iteration, loss }) => `  ${String(iteration).padStart(8)}  ${fixed(loss, 6)}`);
}

/** The symbols, with invisible ones escaped; of a large vocabulary only the first. */
function shownSymbols(symbols: readonly string[], kind: TokenKind): string {
  const shown = symbols.slice(0, 200).map((symbol) => quotedSymbol(symbol, kind).slice(1, -1));
  return (
    shown.join(' ') + (symbols.length > shown.length ? ` … (${symbols.length - shown.length} more)` : '')
  );
}

/** A vocabulary file of torch-rnn, whose tokens are numbered from 1. */
export function vocabularyLines(path: string, tokens: readonly string[]): string[] {
  return [
    path,
    "  format           vocabulary, torch-rnn's",
    `  vocabulary size  ${tokens.length}`,
    `  tokens           ${shownSymbols(tokens, 'grapheme')}`,
  ];
}

const COLUMNS = ['min', 'max', 'mean', 'std', 'norm'] as const;
const COLUMN_WIDTH = 12;

/** One line for each tensor. */
export function tensorLines(tensors: readonly TensorStatistics[]): string[] {
  const described = tensors.map(({ name, shape, type, numbers }) => ({
    start: [name, `[${shape.join(', ')}]`, type],
    numbers,
  }));
  const widths = [0, 1, 2].map((at) => Math.max(...described.map(({ start }) => start[at]?.length ?? 0)));
  const padded = (start: readonly string[]) =>
    start.map((text, at) => text.padEnd(widths[at] ?? 0)).join('  ');
  return [
    'tensors',
    `  ${padded(['', '', ''])}${COLUMNS.map((name) => name.padStart(COLUMN_WIDTH)).join('')}`,
    ...described.map(({ start, numbers }) => {
      const figures = numbers
        ? COLUMNS.map((name) => numbers[name].toPrecision(5).padStart(COLUMN_WIDTH))
        : [];
      return `  ${padded(start)}${figures.join('')}`.trimEnd();
    }),
  ];
}
