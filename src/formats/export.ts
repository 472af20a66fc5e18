/** A checkpoint as the file of another format, and what of it is lost on the way. */
import type { Precision } from '../engine/engine.ts';
import { CheckpointError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { encodeCheckpoint } from './checkpoint-codec.ts';
import { encodeNpz } from './npz/npz.ts';
import { encodeOnnx } from './onnx/encode.ts';
import { encodeTorchRnnVocabulary } from './torch-rnn-vocabulary.ts';

/**
 * `safetensors`: our own, whole. `pytorch`: the same without a training state, for `load_state_dict` of PyTorch's own modules.
 * `vocabulary`: torch-rnn's JSON.
 */
export const EXPORT_FORMATS = ['safetensors', 'pytorch', 'onnx', 'npz', 'vocabulary'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportSettings {
  /** Of the numbers in the file. Default: the model's own; for ONNX float32, since its runtimes compute in nothing else. */
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

/** The format that a file's name asks for; undefined for a name that asks for none. */
export function formatOfName(name: string): ExportFormat | undefined {
  const extension = /\.([^.\\/]+)$/.exec(name)?.[1]?.toLowerCase();
  if (extension === 'json') return 'vocabulary';
  return (['safetensors', 'onnx', 'npz'] as const).find((format) => format === extension);
}

/** @throws {CheckpointError} `checkpoint-not-convertible` for a model that the format can't hold */
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
  const precision = settings.precision ?? (format === 'onnx' ? 'float32' : checkpoint.precision);
  const keepsTraining = format === 'safetensors' && precision === checkpoint.precision;
  const { training, ...model } = checkpoint;
  const notices: string[] = [];
  if (training && !keepsTraining) {
    notices.push('left out: the training state (moments, carried state, options, losses)');
  }
  if (format === 'onnx' && checkpoint.origin)
    notices.push('left out: the losses of the run that it comes from');
  if (precision !== checkpoint.precision) notices.push(precisionNotice(precision));
  const given = keepsTraining ? checkpoint : { ...model, ...withPrecision(checkpoint, precision) };
  return { parts: ENCODERS[format](given), notices };
}

const ENCODERS: Readonly<
  Record<Exclude<ExportFormat, 'vocabulary'>, (model: Checkpoint) => Iterable<Uint8Array>>
> = {
  safetensors: encodeCheckpoint,
  pytorch: encodeCheckpoint,
  onnx: encodeOnnx,
  npz: encodeNpz,
};

function precisionNotice(precision: Precision): string {
  return precision === 'float32'
    ? 'rounded to float32: about seven digits of each parameter are kept; --precision float64 keeps all'
    : 'written as float64: the numbers are those of float32';
}

function withPrecision({ parameters, precision }: Checkpoint, wanted: Precision) {
  if (wanted === precision) return {};
  const array = wanted === 'float64' ? Float64Array : Float32Array;
  return { precision: wanted, parameters: array.from(parameters) };
}

function checkPyTorchHasIt({ config }: Checkpoint) {
  if (config.cell !== 'gru' || config.reset === 'after') return;
  throw new CheckpointError(
    'checkpoint-not-convertible',
    "this gru is none that PyTorch has: its reset gate acts before the recurrent product, as in the original, nn.GRU's after it.\n" +
      'With --as-module a Python module is written beside the weights that computes it; a gru trained with --gru_reset after is an nn.GRU.',
  );
}
