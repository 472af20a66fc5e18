/** Converts a checkpoint to a file format, with notices for what the format can't hold. */

import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { encodeCheckpoint } from '../checkpoint/codec.ts';
import type { ByteSource } from '../checkpoint/safetensors/byte-source.ts';
import { programCell } from '../checkpoint/tensors/gates.ts';
import type { Precision } from '../engine/engine.ts';
import { CheckpointError } from '../errors.ts';
import { dropsWeights, NO_REGULARIZATION } from '../model/regularization.ts';
import type { ExportFormat } from './format-names.ts';
import { encodeNpz } from './npz/npz.ts';
import { encodeOnnx } from './onnx/encode.ts';
import { encodeTorchRnnVocabulary, torchRnnNames } from './torch-rnn-vocabulary.ts';
import { encodeTorch7 } from './torch7/index.ts';
import { verifyModel, verifyNames } from './verify-export.ts';

export interface ExportOptions {
  /**
   * Precision of the numbers in the file. Default: that of the model; for ONNX float32, because onnxruntime does not support float64. A
   * Torch7 file always holds float64, as the original's programs expect. This does not change the numbers of a float32 model.
   */
  readonly precision?: Precision | undefined;
  /** Whether a model is refused if PyTorch has no modules for its layers. Default: true. */
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
  const keepsTraining = format === 'safetensors' && precision === checkpoint.precision;
  const { training, ...model } = checkpoint;
  // A Torch7 file holds the options and losses of a run, which come from the training state.
  const given =
    format === 'torch7' ? withTorch7Regularization(checkpoint) : keepsTraining ? checkpoint : model;
  const written = { ...given, ...inPrecision(checkpoint, precision) };
  return {
    parts: ENCODERS[format](written),
    notices: [
      ...(training && !keepsTraining ? [trainingNotice(format)] : []),
      ...(checkpoint.origin && format === 'onnx'
        ? ['left out: the losses of the run that trained the model']
        : []),
      ...(precision === checkpoint.precision ? [] : [precisionNotice(precision)]),
      ...(format === 'torch7'
        ? torch7Notices({ ...written, regularization: checkpoint.regularization })
        : []),
    ],
    check: (file, name) =>
      verifyModel(file, name, {
        format: format === 'pytorch' ? 'safetensors' : format,
        written,
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
  Record<Exclude<ExportFormat, 'vocabulary'>, (model: Checkpoint) => Iterable<Uint8Array>>
> = {
  safetensors: encodeCheckpoint,
  pytorch: encodeCheckpoint,
  onnx: encodeOnnx,
  npz: encodeNpz,
  torch7: (model) => encodeTorch7(model),
};

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

function precisionNotice(precision: Precision): string {
  return precision === 'float32'
    ? 'rounded to float32: about seven digits of each parameter are kept'
    : 'written as float64, without gaining precision over float32';
}

/** What the original's programs do differently with the file. (This program reads back the same model.) */
/** With the regularization that the original knows: dropout, with a mask for each step. */
function withTorch7Regularization(checkpoint: Checkpoint): Checkpoint {
  const { dropout } = checkpoint.regularization ?? NO_REGULARIZATION;
  return { ...checkpoint, regularization: { ...NO_REGULARIZATION, dropout } };
}

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

/** @throws {CheckpointError} `checkpoint-not-convertible` */
function inPrecision({ parameters, precision }: Checkpoint, wanted: Precision) {
  if (wanted === precision) return {};
  if (wanted === 'float64') return { precision: wanted, parameters: Float64Array.from(parameters) };
  const rounded = Float32Array.from(parameters);
  if (rounded.every(Number.isFinite)) return { precision: wanted, parameters: rounded };
  throw new CheckpointError(
    'checkpoint-not-convertible',
    'a parameter of the model is beyond what float32 can hold.',
    { remedies: [{ text: 'Keep the numbers as they are', set: { precision: 'float64' } }] },
  );
}

function checkPyTorchSupport({ config }: Checkpoint) {
  if (programCell('pytorch', config)) return;
  throw new CheckpointError(
    'checkpoint-not-convertible',
    'PyTorch has no such gru: its reset gate acts before the recurrent product, as in the original; that of nn.GRU acts after it. ' +
      'Its tensors are named gru_v1.…, so that no nn.GRU loads them by mistake.',
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
