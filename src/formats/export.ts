/** A checkpoint as the file of another format, and what of it is lost on the way. */
import type { Precision } from '../engine/engine.ts';
import { CheckpointError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { encodeCheckpoint } from './checkpoint-codec.ts';
import { encodeNpz } from './npz/npz.ts';
import { encodeOnnx } from './onnx/encode.ts';
import { encodeTorchRnnVocabulary } from './torch-rnn-vocabulary.ts';
import { encodeTorch7 } from './torch7/index.ts';

/**
 * `safetensors`: our own, whole. `pytorch`: the same without a training state, for `load_state_dict` of PyTorch's own modules.
 * `torch7`: the original's. `vocabulary`: torch-rnn's JSON.
 */
export const EXPORT_FORMATS = ['safetensors', 'pytorch', 'onnx', 'npz', 'torch7', 'vocabulary'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportSettings {
  /**
   * Of the numbers in the file. Default: the model's own; for ONNX float32, since onnxruntime refuses float64; for Torch7
   * float64, which the original's programs expect. A Torch7 file holds float64 whatever is said, rounded where it is float32.
   */
  readonly precision?: Precision | undefined;
  /** Whether the layers must be modules that PyTorch has. Default true. */
  readonly pytorchModules?: boolean | undefined;
}

export interface Exported {
  /** The file in parts, to be written one after the other. */
  readonly parts: Iterable<Uint8Array>;
  /** What the file does not hold, or not to the bit: lines for people. */
  readonly notices: readonly string[];
}

const EXTENSIONS: Readonly<Record<string, ExportFormat>> = {
  safetensors: 'safetensors',
  onnx: 'onnx',
  npz: 'npz',
  t7: 'torch7',
  json: 'vocabulary',
};

/** The format that a file's name asks for; undefined for a name that asks for none. */
export function formatOfName(name: string): ExportFormat | undefined {
  const extension = /\.([^.\\/]+)$/.exec(name)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
}

/**
 * @throws {CheckpointError} `checkpoint-not-convertible`, `torch7-unsupported` for a model that the format can't hold
 */
export function exportCheckpoint(
  checkpoint: Checkpoint,
  format: ExportFormat,
  settings: ExportSettings = {},
): Exported {
  if (format === 'vocabulary') {
    return {
      parts: [encodeTorchRnnVocabulary(checkpoint.vocabulary)],
      notices: ['left out: the weights; this is the vocabulary alone'],
    };
  }
  if (format === 'pytorch' && settings.pytorchModules !== false) checkPyTorchHasIt(checkpoint);
  const precision = settings.precision ?? precisionOf(format, checkpoint);
  const keepsTraining = format === 'safetensors' && precision === checkpoint.precision;
  const { training, ...model } = checkpoint;
  // Torch7 has room for the options and losses of a run, and takes them from the training state.
  const given = keepsTraining || format === 'torch7' ? checkpoint : model;
  return {
    parts: ENCODERS[format]({ ...given, ...inPrecision(checkpoint, precision) }),
    notices: [
      ...(training && !keepsTraining ? [trainingNotice(format)] : []),
      ...(checkpoint.origin && format === 'onnx'
        ? ['left out: the losses of the run that it comes from']
        : []),
      ...(precision === checkpoint.precision ? [] : [precisionNotice(precision)]),
    ],
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

/** What a format's readers expect. */
function precisionOf(format: ExportFormat, { precision }: Checkpoint): Precision {
  if (format === 'onnx') return 'float32';
  return format === 'torch7' ? 'float64' : precision;
}

function trainingNotice(format: ExportFormat): string {
  const lost =
    format === 'torch7' ? 'moments, carried state, generator' : 'moments, carried state, options, losses';
  return `left out: the training state (${lost})`;
}

function precisionNotice(precision: Precision): string {
  return precision === 'float32'
    ? 'rounded to float32: about seven digits of each parameter are kept; --precision float64 keeps all'
    : 'written as float64: the numbers are those of float32';
}

/** @throws {CheckpointError} `checkpoint-not-convertible` */
function inPrecision({ parameters, precision }: Checkpoint, wanted: Precision) {
  if (wanted === precision) return {};
  if (wanted === 'float64') return { precision: wanted, parameters: Float64Array.from(parameters) };
  const rounded = Float32Array.from(parameters);
  if (rounded.every(Number.isFinite)) return { precision: wanted, parameters: rounded };
  throw new CheckpointError(
    'checkpoint-not-convertible',
    'a parameter of the model is beyond what float32 can hold. Keep it as it is: --precision float64',
  );
}

function checkPyTorchHasIt({ config }: Checkpoint) {
  if (config.cell !== 'gru' || config.reset === 'after') return;
  throw new CheckpointError(
    'checkpoint-not-convertible',
    "this gru is none that PyTorch has: its reset gate acts before the recurrent product, as in the original, nn.GRU's after it,\n" +
      'and its tensors are named gru_v1.…, so that no nn.GRU takes them by mistake.\n' +
      'With --as-module a Python module is written beside the weights that computes it; a gru trained with --gru_reset after is an nn.GRU.',
  );
}
