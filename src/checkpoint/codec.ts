/** Encodes a checkpoint as a safetensors file and decodes it. docs/checkpoints.md describes the layout. */
import { Vocabulary } from '../data/vocabulary.ts';
import { resetField } from '../engine/cells.ts';
import type { FloatArray } from '../engine/engine.ts';
import type { Layout } from '../engine/layout.ts';
import { layoutOf, type ModelConfig } from '../model/config.ts';
import { NO_REGULARIZATION } from '../model/regularization.ts';
import type { Checkpoint, Origin, TrainingState } from './checkpoint.ts';
import { malformed } from './errors.ts';
import { INFERRED_NOTICE, inferMetadata } from './inferred-metadata.ts';
import {
  AVERAGE_VERSION,
  type CheckpointMetadata,
  decodeMetadata,
  type EveryField,
  encodeMetadata,
  FORMAT_VERSION,
  INT8_VERSION,
  METADATA_KEY,
  SHAPE_CHANGE_VERSION,
} from './metadata.ts';
import { type ByteSource, bytesSource } from './safetensors/byte-source.ts';
import { type StoredWeights, storedWeights } from './safetensors/number-types.ts';
import {
  encodeSafetensors,
  readHeader,
  readSafetensors,
  type Safetensors,
  type TensorInFile,
  type TensorToStore,
} from './safetensors/safetensors.ts';
import type { CheckpointIdentity } from './storage/storage.ts';
import type { RoundedType } from './stored-precision.ts';
import { keptTensors } from './tensors/int8-tensors.ts';
import { decodeMeanSquare, meanSquareTensors } from './tensors/mean-square-tensors.ts';
import { vectorFromTensors, vectorNames, vectorTensors } from './tensors/tensors.ts';
import {
  decodeLosses,
  decodeTraining,
  GENERATOR,
  isWholeTraining,
  lossTensors,
  noLosses,
  trainingMetadata,
  trainingTensors,
} from './tensors/training-tensors.ts';
import { symbolsOf, vocabularyTensors } from './tensors/vocabulary-tensors.ts';

type Tensors = ReadonlyMap<string, TensorInFile>;

/**
 * Yields the file in parts.
 *
 * @param storedAs Rounds the parameters to this type. For a checkpoint without a training state.
 */
export function encodeCheckpoint(checkpoint: Checkpoint, storedAs?: RoundedType): Iterable<Uint8Array> {
  return encodeSafetensors(checkpointTensors(checkpoint, storedAs));
}

/** A checkpoint as named tensors and metadata. */
export function checkpointTensors(
  checkpoint: Checkpoint,
  storedAs?: RoundedType,
): Safetensors<TensorToStore> {
  const layout = layoutOf(checkpoint.config);
  const tensors = new Map([
    ...vectorTensors(layout, checkpoint.parameters, '', storedAs),
    ...meanSquareTensors(layout, checkpoint.meanSquare),
    ...vocabularyTensors(checkpoint.vocabulary),
    ...trainingTensors(layout, checkpoint.training),
    ...originTensors(checkpoint.origin),
  ]);
  return { tensors, metadata: checkpointMetadata(checkpoint, storedAs) };
}

/** Decodes a file in memory, like `readCheckpoint`. */
export function decodeCheckpoint(bytes: Uint8Array, name: string): Checkpoint {
  return readCheckpoint(bytesSource(bytes), name);
}

/**
 * Reads a checkpoint from a file, one tensor at a time.
 *
 * @param name What to call the file in messages.
 * @throws {CheckpointError} unless the file is a complete, well-formed checkpoint
 */
export function readCheckpoint(file: ByteSource, name: string): Checkpoint {
  return checkpointFromTensors(readSafetensors(file, name), name);
}

/**
 * The inverse of `checkpointTensors`.
 *
 * @param name What to call the file in messages.
 * @throws {CheckpointError} unless the file is a complete, well-formed checkpoint
 */
export function checkpointFromTensors(file: Safetensors<TensorInFile>, name: string): Checkpoint {
  const { tensors, metadata } = file;
  const notices: string[] = [];
  const stored = metadataFrom(file, name);
  if (!metadata.has(METADATA_KEY)) notices.push(INFERRED_NOTICE);
  const { layout, precision, weightTypes, notice } = weightsIn(stored, tensors, name);
  if (notice) notices.push(notice);
  const facts = { ...stored, precision };
  const isInt8 = weightTypes?.includes('int8');
  const source = isInt8 ? keptTensors(tensors) : tensors;
  const parameters = () => vectorFromTensors(layout, source, '', precision, name);
  const { training, origin } = facts;
  const isWhole = training && !weightTypes && isWholeTraining(training, layout, tensors);
  if (training && !isWhole) notices.push(leftOutNotice(weightTypes !== undefined, tensors.has(GENERATOR)));
  const meanSquare = weightTypes ? undefined : decodeMeanSquare(layout, tensors, precision, name);
  const checkpoint: Checkpoint = {
    ...modelFrom(facts, symbolsOf(facts.vocabulary.kind, tensors, name), parameters(), name),
    ...(meanSquare && { meanSquare }),
    training: isWhole ? decodeTraining(training, facts, layout, tensors, name) : undefined,
    ...(origin && { origin: decodeOrigin(origin, tensors, name) }),
    ...(weightTypes && { weightTypes }),
    ...(notices.length > 0 && { notices }),
  };
  // The levels stay in memory, not the floats, which take four times as much.
  return isInt8 ? Object.defineProperty(checkpoint, 'parameters', { get: parameters }) : checkpoint;
}

/**
 * The metadata of a file. If another program saved the file without it, it is inferred from the tensors.
 *
 * @throws {CheckpointError} `checkpoint-other-kind` if it is not a model, `checkpoint-newer`, `checkpoint-malformed`
 */
export function metadataFrom(
  { tensors, metadata }: Safetensors<TensorInFile>,
  name: string,
): CheckpointMetadata {
  return metadata.has(METADATA_KEY) ? decodeMetadata(metadata, name) : inferMetadata(tensors, name);
}

/**
 * The layout of the parameters in a file, and how they are stored.
 *
 * @throws {CheckpointError} `checkpoint-malformed` if the file has fewer tensors than layers
 */
export function weightsIn(
  facts: CheckpointMetadata,
  tensors: Tensors,
  name: string,
): StoredWeights & { readonly layout: Layout } {
  const config = configOf(facts);
  // Checked before a layout is computed: every layer has tensors in the file.
  if (config.layers > tensors.size)
    throw malformed(name, `it has too few tensors for ${config.layers} layers`);
  const layout = layoutOf(config);
  const types = vectorNames(layout, '').flatMap((weight) => tensors.get(weight)?.type ?? []);
  return { layout, ...storedWeights(types, facts.precision, facts.storedAs) };
}

/**
 * @param isConverted Whether the weights were converted to another type.
 * @param isPartial Whether some tensors of the training state are present.
 */
function leftOutNotice(isConverted: boolean, isPartial: boolean): string {
  const why = isConverted
    ? 'the training state was left out, since it belongs to the weights before they were converted'
    : isPartial
      ? 'the training state was left out, since some of its tensors are missing'
      : 'the tensors of the training state are missing';
  return `${why}: the model can be used, but its run can't be resumed`;
}

/**
 * Assembles a model from its parts, without a training state.
 *
 * @param parameters In canonical order.
 * @throws {CheckpointError} `checkpoint-malformed` if they do not fit together
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
      `its vocabulary has ${vocabulary.size} symbols, but its model has ${config.vocabularySize}`,
    );
  }
  const { dropout } = facts.config;
  const regularization = { ...NO_REGULARIZATION, ...facts.regularization, dropout };
  return { config, regularization, precision: facts.precision, vocabulary, parameters } satisfies EveryField<
    Omit<Checkpoint, 'meanSquare' | 'training' | 'origin' | 'weightTypes' | 'notices'>
  >;
}

/**
 * Reads the run and iteration of a checkpoint from its header.
 *
 * @throws {CheckpointError} if it is not a checkpoint with a training state
 */
export function readIdentity(file: ByteSource, name: string): CheckpointIdentity {
  const { metadata, tensors } = readHeader(file, name);
  const { training } = decodeMetadata(metadata, name);
  if (!training || !tensors.has(GENERATOR)) throw malformed(name, 'it has no training state');
  return { runId: training.runId, iteration: training.iteration };
}

/** The shape of a model from its metadata. */
export function configOf({ config, reset }: CheckpointMetadata): ModelConfig {
  const { dropout: _, ...shape } = config;
  return { ...shape, ...resetField(config.cell, reset) };
}

/**
 * The metadata: everything except the tensors.
 *
 * @param storedAs The type of the parameters in the file, if not the checkpoint's precision.
 */
export function checkpointMetadata(
  checkpoint: Checkpoint,
  storedAs?: RoundedType,
): ReadonlyMap<string, string> {
  return encodeMetadata({
    ...metadataOf(checkpoint),
    ...(storedAs && { storedAs }),
    ...(storedAs === 'int8' && { formatVersion: INT8_VERSION }),
  });
}

function metadataOf(checkpoint: Checkpoint): CheckpointMetadata {
  const { config, regularization = NO_REGULARIZATION, precision, vocabulary, training, origin } = checkpoint;
  const { reset, ...shape } = config;
  const { dropout, ...otherRegularization } = regularization;
  const { kind, normalize, hasUnknown, unicodeVersion } = vocabulary;
  return {
    formatVersion: versionFor(training),
    config: { ...shape, dropout },
    regularization: otherRegularization,
    reset: resetField(config.cell, reset).reset,
    precision,
    vocabulary: { kind, normalize, hasUnknown, ...(unicodeVersion !== undefined && { unicodeVersion }) },
    training: training && trainingMetadata(training),
    origin: origin && originMetadata(origin),
  } satisfies EveryField<Omit<CheckpointMetadata, 'storedAs'>>;
}

/** The lowest version of a program that reads the file correctly. */
function versionFor(training: TrainingState | undefined): CheckpointMetadata['formatVersion'] {
  if (training?.average || training?.stability?.good?.average) return AVERAGE_VERSION;
  return training?.shapeChange ? SHAPE_CHANGE_VERSION : FORMAT_VERSION;
}

function originMetadata(origin: Origin): NonNullable<CheckpointMetadata['origin']> {
  const { trainLosses: _, validationLosses: __, options, notices, ...rest } = origin;
  return { ...rest, options: { ...options }, notices: [...notices] };
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

function decodeOrigin(
  origin: NonNullable<CheckpointMetadata['origin']>,
  tensors: Tensors,
  file: string,
): Origin {
  const losses = (name: string) =>
    tensors.has(`${name}.iterations`) ? decodeLosses(tensors, name, file) : noLosses();
  return {
    ...origin,
    trainLosses: losses('origin.train_losses'),
    validationLosses: losses('origin.validation_losses'),
  };
}
