/** A checkpoint to the bytes of a safetensors file, and back. The layout is written down in docs/checkpoints.md. */
import { Vocabulary } from '../data/vocabulary.ts';
import type { FloatArray } from '../engine/engine.ts';
import { layoutOf, type ModelConfig } from '../model/config.ts';
import { joinBytes } from '../util/join-bytes.ts';
import { type ByteSource, bytesSource } from './byte-source.ts';
import type { Checkpoint, Origin } from './checkpoint.ts';
import {
  type CheckpointMetadata,
  decodeMetadata,
  encodeMetadata,
  FORMAT_VERSION,
} from './checkpoint-metadata.ts';
import {
  oneTensor,
  safeIntegers,
  typedTensor,
  vectorFromTensors,
  vectorTensors,
} from './checkpoint-tensors.ts';
import { malformed } from './errors.ts';
import {
  encodeSafetensors,
  readHeader,
  readSafetensors,
  type Safetensors,
  type TensorInFile,
  type TensorToStore,
} from './safetensors.ts';
import type { CheckpointIdentity } from './storage.ts';
import {
  decodeLosses,
  decodeTraining,
  lossTensors,
  trainingMetadata,
  trainingTensors,
} from './training-codec.ts';

type Tensors = ReadonlyMap<string, TensorInFile>;

/** The file in parts, to be written one after the other. */
export function encodeCheckpoint(checkpoint: Checkpoint): Iterable<Uint8Array> {
  return encodeSafetensors(checkpointTensors(checkpoint));
}

/** A checkpoint as named tensors and metadata, for formats that hold such. */
export function checkpointTensors(checkpoint: Checkpoint): Safetensors<TensorToStore> {
  const layout = layoutOf(checkpoint.config);
  const tensors = new Map([
    ...vectorTensors(layout, checkpoint.parameters, ''),
    ...vocabularyTensors(checkpoint.vocabulary),
    ...trainingTensors(layout, checkpoint.training),
    ...originTensors(checkpoint.origin),
  ]);
  return { tensors, metadata: checkpointMetadata(checkpoint) };
}

/** The checkpoint in the bytes of a file. As `readCheckpoint`. */
export function decodeCheckpoint(bytes: Uint8Array, name: string): Checkpoint {
  return readCheckpoint(bytesSource(bytes), name);
}

/**
 * The checkpoint in a file, of which no more than one tensor at a time is in memory beside what it becomes.
 *
 * @param name What to call the file in messages.
 * @throws {CheckpointError} for anything that is not a whole, well-formed checkpoint
 */
export function readCheckpoint(file: ByteSource, name: string): Checkpoint {
  return checkpointFromTensors(readSafetensors(file, name), name);
}

/**
 * The way back from `checkpointTensors`.
 *
 * @param name What to call the file in messages.
 * @throws {CheckpointError} for anything that is not a whole, well-formed checkpoint
 */
export function checkpointFromTensors(
  { tensors, metadata }: Safetensors<TensorInFile>,
  name: string,
): Checkpoint {
  const facts = decodeMetadata(metadata, name);
  const { precision } = facts;
  const config = configOf(facts);
  // Before a layout is made of it: every layer has tensors in the file.
  if (config.layers > tensors.size)
    throw malformed(name, `it has too few tensors for ${config.layers} layers`);
  const layout = layoutOf(config);
  const parameters = vectorFromTensors(layout, tensors, '', precision, name);
  return {
    ...modelFrom(facts, symbolsOf(facts, tensors, name), parameters, name),
    training: facts.training && decodeTraining(facts.training, facts, layout, tensors, name),
    ...(facts.origin && { origin: decodeOrigin(facts.origin, tensors, name) }),
  };
}

/**
 * A model from its parts, without what it was trained by.
 *
 * @param parameters In canonical order.
 * @throws {CheckpointError} `checkpoint-malformed` where they do not fit together
 */
export function modelFrom(
  facts: CheckpointMetadata,
  symbols: readonly string[],
  parameters: FloatArray,
  file: string,
): Checkpoint {
  const config = configOf(facts);
  if (!parameters.every(Number.isFinite)) throw malformed(file, 'a parameter is not a finite number');
  const vocabulary = vocabularyOf(facts, symbols, file);
  if (vocabulary.size !== config.vocabularySize) {
    throw malformed(
      file,
      `its vocabulary has ${vocabulary.size} symbols, its model ${config.vocabularySize}`,
    );
  }
  return { config, precision: facts.precision, vocabulary, parameters };
}

/**
 * Which run and iteration a file holds, from its header alone.
 *
 * @throws {CheckpointError} when it is not a checkpoint with a training state
 */
export function readIdentity(file: ByteSource, name: string): CheckpointIdentity {
  const { training } = decodeMetadata(readHeader(file, name).metadata, name);
  if (!training) throw malformed(name, 'it has no training state');
  return { runId: training.runId, iteration: training.iteration };
}

/** The shape of a model from its metadata. */
export function configOf({ config, reset }: CheckpointMetadata): ModelConfig {
  return { ...config, ...(config.cell === 'gru' && { reset: reset ?? 'before' }) };
}

/** All but the numbers in bulk and the symbols. */
export function checkpointMetadata(checkpoint: Checkpoint): ReadonlyMap<string, string> {
  return encodeMetadata(metadataOf(checkpoint));
}

function metadataOf({ config, precision, vocabulary, training, origin }: Checkpoint): CheckpointMetadata {
  const { reset, ...shape } = config;
  const { kind, normalize, hasUnknown, unicodeVersion } = vocabulary;
  return {
    formatVersion: FORMAT_VERSION,
    config: shape,
    ...(config.cell === 'gru' && { reset: reset ?? 'before' }),
    precision,
    vocabulary: { kind, normalize, hasUnknown, ...(unicodeVersion !== undefined && { unicodeVersion }) },
    ...(training && { training: trainingMetadata(training) }),
    ...(origin && { origin: originMetadata(origin) }),
  };
}

function originMetadata(origin: Origin): NonNullable<CheckpointMetadata['origin']> {
  const { trainLosses: _, validationLosses: __, options, notices, ...rest } = origin;
  return { ...rest, options: { ...options }, notices: [...notices] };
}

function vocabularyTensors(vocabulary: Vocabulary): [string, TensorToStore][] {
  const pieces = vocabulary.symbols.map((_, token) => vocabulary.bytesOf(token));
  const bytes = joinBytes(pieces);
  if (vocabulary.kind === 'byte') return [oneTensor('vocabulary.values', bytes)];
  const offsets = [0n];
  for (const piece of pieces) offsets.push((offsets.at(-1) as bigint) + BigInt(piece.length));
  return [oneTensor('vocabulary.bytes', bytes), oneTensor('vocabulary.offsets', BigInt64Array.from(offsets))];
}

function originTensors(origin: Origin | undefined): [string, TensorToStore][] {
  if (!origin) return [];
  return [
    ...lossTensors('origin.train_losses', origin.trainLosses),
    ...lossTensors('origin.validation_losses', origin.validationLosses),
  ];
}

function vocabularyOf(
  { vocabulary }: CheckpointMetadata,
  symbols: readonly string[],
  file: string,
): Vocabulary {
  try {
    return new Vocabulary({ ...vocabulary, symbols });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw malformed(file, error.message);
  }
}

function symbolsOf({ vocabulary }: CheckpointMetadata, tensors: Tensors, file: string): string[] {
  if (vocabulary.kind !== 'byte') return decodeSymbols(tensors, file);
  const values = typedTensor(tensors, 'vocabulary.values', [null], Uint8Array, file);
  return Array.from(values, (byte) => String.fromCharCode(byte));
}

function decodeSymbols(tensors: Tensors, file: string): string[] {
  const bytes = typedTensor(tensors, 'vocabulary.bytes', [null], Uint8Array, file);
  const stored = typedTensor(tensors, 'vocabulary.offsets', [null], BigInt64Array, file);
  const offsets = safeIntegers(stored, 'vocabulary.offsets', file);
  const ascending = offsets.every((offset, index) => index === 0 || offset > (offsets[index - 1] as number));
  if (offsets[0] !== 0 || offsets.at(-1) !== bytes.length || !ascending) {
    throw malformed(file, "the offsets of the vocabulary's symbols are wrong");
  }
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return offsets.slice(1).map((end, index) => decoder.decode(bytes.subarray(offsets[index], end)));
  } catch {
    throw malformed(file, 'a symbol of the vocabulary is not UTF-8');
  }
}

function decodeOrigin(
  origin: NonNullable<CheckpointMetadata['origin']>,
  tensors: Tensors,
  file: string,
): Origin {
  return {
    ...origin,
    trainLosses: decodeLosses(tensors, 'origin.train_losses', file),
    validationLosses: decodeLosses(tensors, 'origin.validation_losses', file),
  };
}
