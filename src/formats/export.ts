/** Converts a checkpoint to a file format, with notices for what the format can't hold. */

import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { encodeCheckpoint } from '../checkpoint/codec.ts';
import type { ByteSource } from '../checkpoint/safetensors/byte-source.ts';
import { fromHalf, isHalf, largestHalf, toHalf } from '../checkpoint/safetensors/half-precision.ts';
import type { HalfPrecision, RoundedType, StoredPrecision } from '../checkpoint/stored-precision.ts';
import { programCell } from '../checkpoint/tensors/gates.ts';
import { onLevels } from '../checkpoint/tensors/tensors.ts';
import type { FloatArray, Precision, Quantization } from '../engine/engine.ts';
import { checkQuantizable } from '../engine/int8.ts';
import { CheckpointError, UnsupportedError } from '../errors.ts';
import { layoutOf } from '../model/config.ts';
import { dropsWeights, NO_REGULARIZATION } from '../model/regularization.ts';
import { formatCount } from '../util/format.ts';
import type { ExportFormat } from './format-names.ts';
import { encodeNpz } from './npz/npz.ts';
import { encodeOnnx } from './onnx/encode.ts';
import { encodeTorchRnnVocabulary, torchRnnNames } from './torch-rnn-vocabulary.ts';
import { encodeTorch7 } from './torch7/index.ts';
import { verifyModel, verifyNames } from './verify-export.ts';

export interface ExportOptions {
  /**
   * Precision of the numbers in the file. Default: that of the model; for ONNX float32, because onnxruntime does not support float64. A
   * Torch7 file always holds float64, as the original's programs expect. This does not change the numbers of a float32 model. float16 and
   * bfloat16 round the parameters, and leave out the training state.
   */
  readonly precision?: StoredPrecision | undefined;
  /** Stores matrices in int8 and leaves out the training state. Only for safetensors in float32. */
  readonly quantize?: Quantization | undefined;
  /** Whether to refuse a model for whose layers PyTorch has no modules. Default: true. */
  readonly pytorchModules?: boolean | undefined;
}

export interface Exported {
  /** The file in parts. */
  readonly parts: Iterable<Uint8Array>;
  /** Messages about what the file does not hold exactly. */
  readonly notices: readonly string[];
  /**
   * Reads the written file back and compares it with the model, bit by bit. Call it before the file gets its final name.
   *
   * @param name What to call the file in messages.
   * @throws {CheckpointError} `checkpoint-export-differs`
   */
  check(file: ByteSource, name: string): void;
}

const EXTENSIONS: Readonly<Record<string, ExportFormat>> = {
  safetensors: 'safetensors',
  onnx: 'onnx',
  npz: 'npz',
  t7: 'torch7',
  json: 'vocabulary',
};

/** The format for a file name; undefined if the extension is unknown. */
export function formatOfName(name: string): ExportFormat | undefined {
  const extension = /\.([^.\\/]+)$/.exec(name)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
}

/**
 * @throws {CheckpointError} `checkpoint-not-convertible`, `torch7-unsupported` if the format can't hold the model
 */
export function exportCheckpoint(
  checkpoint: Checkpoint,
  format: ExportFormat,
  options: ExportOptions = {},
): Exported {
  if (format === 'vocabulary') return exportVocabulary(checkpoint);
  if (format === 'pytorch' && options.pytorchModules !== false) checkPyTorchSupport(checkpoint);
  const precision = options.precision ?? precisionOf(format, checkpoint);
  const { quantize } = options;
  if (quantize) checkInt8Support(checkpoint, format, options.precision);
  const half = isHalf(precision) ? precision : undefined;
  if (half) checkHalfSupport(format, half);
  const storedAs = quantize ?? half;
  const keepsTraining = format === 'safetensors' && precision === checkpoint.precision && !quantize;
  const { training, meanSquare, ...model } = checkpoint;
  // A Torch7 file holds the options and losses of a run, which come from the training state.
  const given =
    format === 'torch7' ? withTorch7Regularization(checkpoint) : keepsTraining ? checkpoint : model;
  const written = { ...given, ...(quantize ? inInt8(checkpoint) : inPrecision(checkpoint, precision)) };
  return {
    parts: ENCODERS[format](written, storedAs),
    notices: [
      ...(training && !keepsTraining ? [trainingNotice(format)] : []),
      ...(meanSquare && !keepsTraining
        ? ['left out: the mean squared gradient, which dynamic evaluation uses']
        : []),
      ...(checkpoint.origin && format === 'onnx'
        ? ['left out: the losses of the run that trained the model']
        : []),
      ...(quantize ? int8Notices(checkpoint, written) : precisionNotices(checkpoint, written, precision)),
      ...(format === 'torch7'
        ? torch7Notices({ ...written, regularization: checkpoint.regularization })
        : []),
    ],
    check: (file, name) =>
      verifyModel(file, name, {
        format: format === 'pytorch' ? 'safetensors' : format,
        written,
        storedAs,
        whole: format !== 'onnx' && format !== 'torch7',
      }),
  };
}

function exportVocabulary({ vocabulary }: Checkpoint): Exported {
  return {
    parts: [encodeTorchRnnVocabulary(vocabulary)],
    notices: [
      'left out: the weights; this is the vocabulary alone',
      ...(vocabulary.normalize === 'none' ? [] : [`left out: the normalisation (${vocabulary.normalize})`]),
    ],
    check: (file, name) => verifyNames(file, name, torchRnnNames(vocabulary)),
  };
}

const ENCODERS: Readonly<
  Record<
    Exclude<ExportFormat, 'vocabulary'>,
    (model: Checkpoint, storedAs: RoundedType | undefined) => Iterable<Uint8Array>
  >
> = {
  safetensors: encodeCheckpoint,
  pytorch: encodeCheckpoint,
  onnx: (model, storedAs) => encodeOnnx(model, halfOf(storedAs)),
  npz: (model, storedAs) => encodeNpz(model, halfOf(storedAs)),
  torch7: (model) => encodeTorch7(model),
};

/**
 * The half precision in which all parameters of a checkpoint were stored, if an export to the format keeps it; otherwise undefined. The
 * parameters must not have changed since they were read.
 */
export function keptPrecision({ weightTypes }: Checkpoint, format: ExportFormat): HalfPrecision | undefined {
  const [type, ...others] = new Set(weightTypes);
  if (type === undefined || others.length > 0 || !isHalf(type)) return undefined;
  if (format === 'npz') return type === 'float16' ? type : undefined;
  return format === 'safetensors' || format === 'pytorch' ? type : undefined;
}

/** Leaves out int8, which only safetensors can store. */
function halfOf(type: RoundedType | undefined): HalfPrecision | undefined {
  return type === 'int8' ? undefined : type;
}

/** int8 if a checkpoint was stored in it and an export to the format keeps it. The parameters must not have changed since they were read. */
export function keptQuantization(
  { weightTypes = [] }: Checkpoint,
  format: ExportFormat,
): Quantization | undefined {
  return format === 'safetensors' && weightTypes.includes('int8') ? 'int8' : undefined;
}

/** The precision that other programs expect in a format. */
function precisionOf(format: ExportFormat, { precision }: Checkpoint): Precision {
  return format === 'onnx' ? 'float32' : precision;
}

function trainingNotice(format: ExportFormat): string {
  const lost =
    format === 'torch7'
      ? 'moments, carried state, generator, options that the original does not have'
      : 'moments, carried state, options, losses';
  return `left out: the training state (${lost})`;
}

/** @param written The model in the file, with its numbers rounded. */
function precisionNotices(checkpoint: Checkpoint, written: Checkpoint, precision: StoredPrecision): string[] {
  if (precision === checkpoint.precision) return [];
  if (precision === 'float64') return ['written as float64, without gaining precision over float32'];
  if (precision === 'float32') return ['rounded to float32: about seven digits of each parameter are kept'];
  const change = largestChange(checkpoint.parameters, written.parameters);
  if (change === 0) return [];
  const digits = precision === 'float16' ? 'about three digits' : 'two to three digits';
  return [
    `rounded to ${precision}: ${digits} of each parameter are kept; the largest change is ${change.toExponential(1)}`,
  ];
}

function largestChange(before: FloatArray, after: FloatArray): number {
  let largest = 0;
  for (const [at, value] of before.entries()) {
    largest = Math.max(largest, Math.abs(value - (after[at] as number)));
  }
  return largest;
}

/** Keeps only the regularization that the original has: dropout, with a new mask for each step. */
function withTorch7Regularization(checkpoint: Checkpoint): Checkpoint {
  const { dropout } = checkpoint.regularization ?? NO_REGULARIZATION;
  return { ...checkpoint, regularization: { ...NO_REGULARIZATION, dropout } };
}

/** What the original's programs do differently with the file. (This program reads back the same model.) */
function torch7Notices({ precision, vocabulary, regularization }: Checkpoint): string[] {
  const { symbols, hasUnknown, normalize, kind } = vocabulary;
  const isBeyondAscii = kind !== 'byte' && symbols.some((symbol) => symbol > '\u007f' || symbol.length > 1);
  return [
    ...(precision === 'float32'
      ? ['written as float64, as the original expects; this program reads it back as float32']
      : []),
    ...(regularization && dropsWeights(regularization)
      ? ['left out: weight drop and token dropout, which the original does not have']
      : []),
    ...(hasUnknown ? ["the original's sample.lua can draw the unknown symbol, as U+FFFD"] : []),
    ...(isBeyondAscii ? ["the original's sample.lua can be primed with ASCII only"] : []),
    ...(normalize === 'none' ? [] : ["the original's sample.lua does not normalise its prime text"]),
  ];
}

/** @throws {CheckpointError} `checkpoint-not-convertible` if a number is too large for the precision */
function inPrecision(
  { parameters, precision }: Checkpoint,
  wanted: StoredPrecision,
): Partial<Pick<Checkpoint, 'precision' | 'parameters'>> {
  if (wanted === precision) return {};
  if (wanted === 'float64') return { precision: wanted, parameters: Float64Array.from(parameters) };
  const rounded = isHalf(wanted)
    ? fromHalf(toHalf(parameters, wanted), wanted)
    : Float32Array.from(parameters);
  if (rounded.every(Number.isFinite)) return { precision: 'float32', parameters: rounded };
  const limit = wanted === 'float16' ? `, which holds at most ${formatCount(largestHalf(wanted))}` : '';
  throw new CheckpointError(
    'checkpoint-not-convertible',
    `a parameter of the model is too large for ${wanted}${limit}.`,
    {
      remedies: [
        wanted === 'float16'
          ? { text: 'bfloat16 holds it, with fewer digits', set: { precision: 'bfloat16' } }
          : { text: 'Keep the numbers as they are', set: { precision } },
      ],
    },
  );
}

/** Rounds the elements of matrices to their int8 levels. */
function inInt8({ config, parameters }: Checkpoint): Pick<Checkpoint, 'precision' | 'parameters'> {
  return { precision: 'float32', parameters: onLevels(layoutOf(config), parameters) };
}

function int8Notices({ parameters }: Checkpoint, written: Checkpoint): string[] {
  const change = largestChange(parameters, written.parameters);
  if (change === 0) return [];
  return [
    `rounded to int8: each row of a matrix has 255 levels; the largest change of a parameter is ${change.toExponential(1)}`,
  ];
}

/** @throws {CheckpointError} `checkpoint-not-convertible` if a format does not have int8, or a parameter can't be quantized */
function checkInt8Support(
  { parameters }: Checkpoint,
  format: ExportFormat,
  precision: StoredPrecision | undefined,
): void {
  if (format !== 'safetensors') {
    throw new CheckpointError(
      'checkpoint-not-convertible',
      `int8 is supported only in safetensors files, not in ${format}.`,
      { remedies: [{ text: 'Keep the numbers as they are', set: { quantize: undefined } }] },
    );
  }
  if (precision !== undefined && precision !== 'float32') {
    throw new CheckpointError(
      'checkpoint-not-convertible',
      `a file in int8 has float32 scales and biases, but the precision is ${precision}.`,
      { remedies: [{ text: 'Leave out the precision', set: { precision: undefined } }] },
    );
  }
  try {
    checkQuantizable(parameters);
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    throw new CheckpointError('checkpoint-not-convertible', error.problem, { cause: error });
  }
}

/** @throws {CheckpointError} `checkpoint-not-convertible` if a format does not have a number type */
function checkHalfSupport(format: ExportFormat, precision: HalfPrecision): void {
  if (format === 'npz' && precision === 'bfloat16') {
    throw new CheckpointError(
      'checkpoint-not-convertible',
      "NumPy has no bfloat16, so an .npz file can't store it.",
      { remedies: [{ text: 'To use float16, which it has', set: { precision: 'float16' } }] },
    );
  }
  if (format === 'torch7') {
    throw new CheckpointError(
      'checkpoint-not-convertible',
      `a .t7 file always holds float64: rounding to ${precision} would lose digits without making it smaller.`,
      { remedies: [{ text: 'Keep the numbers as they are', set: { precision: undefined } }] },
    );
  }
}

function checkPyTorchSupport({ config }: Checkpoint) {
  if (programCell('pytorch', config)) return;
  throw new CheckpointError(
    'checkpoint-not-convertible',
    'PyTorch has no such gru: its reset gate acts before the recurrent product, as in the original; that of nn.GRU acts after it. ' +
      'Its tensors are named gru_v1.…, so that nn.GRU does not load them by mistake.',
    {
      remedies: [
        { text: 'Write a Python module for it next to the weights', set: { asModule: true } },
        {
          text: 'A new model can be trained as an nn.GRU',
          command: ['train', 'book.txt', '--model', 'gru', '--gru-reset', 'after'],
        },
      ],
    },
  );
}
