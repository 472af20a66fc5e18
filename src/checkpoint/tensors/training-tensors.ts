/** Encodes and decodes the training state of a checkpoint: its metadata and its tensors. */
import type { FileFacts, KnownText } from '../../data/files/known-text.ts';
import { stateParts } from '../../engine/cells.ts';
import type { FloatArray, Precision } from '../../engine/engine.ts';
import { type Layout, recurrentModules } from '../../engine/layout.ts';
import { MersenneTwister } from '../../util/mersenne-twister.ts';
import type {
  GoodState,
  LossRecord,
  RunPosition,
  StabilityState,
  TrainedText,
  TrainingState,
} from '../checkpoint.ts';
import { malformed } from '../errors.ts';
import type { CheckpointMetadata, EveryField } from '../metadata.ts';
import type { TensorInFile, TensorToStore } from '../safetensors/safetensors.ts';
import {
  floatTensor,
  oneTensor,
  safeIntegers,
  typedTensor,
  vectorFromTensors,
  vectorNames,
  vectorTensors,
} from './tensors.ts';
import { decodeFiles, type FilesByRole, filesTensors } from './text-file-tensors.ts';

type Tensors = ReadonlyMap<string, TensorInFile>;
type TrainingMetadata = NonNullable<CheckpointMetadata['training']>;
type StabilityMetadata = NonNullable<TrainingMetadata['stability']>;
type GoodMetadata = NonNullable<StabilityMetadata['good']>;

/** A tensor that every training state has. */
export const GENERATOR = 'train.generator';
/** The start of the names of the weights, if the parameters are an average. */
const WEIGHTS = 'weights.';
const TRAIN_LOSSES = 'train.train_losses';
const VALIDATION_LOSSES = 'train.validation_losses';

export function trainingMetadata(training: TrainingState): TrainingMetadata {
  const { runId, iteration, epoch, learningRate, options, moments, optimizerSteps, batchSize, cursor, text } =
    training;
  const { stability, shapeChange } = training;
  return {
    runId,
    iteration,
    epoch,
    learningRate,
    options: { ...options },
    moments: moments.length,
    optimizerSteps,
    average: averageMetadata(training),
    stability: stability && stabilityMetadata(stability),
    batchSize,
    shapeChange,
    cursor,
    text: text && textMetadata(text),
  } satisfies EveryField<TrainingMetadata>;
}

/** The metadata of a text. Its files are stored in tensors. */
function textMetadata(text: TrainedText): TrainingMetadata['text'] {
  const { files: _, validation, test, paths, ...rest } = text;
  return {
    ...rest,
    ...(paths && { paths: [...paths] }),
    ...(validation && { validation: { bytes: validation.bytes, sha256: validation.sha256 } }),
    ...(test && { test: { bytes: test.bytes, sha256: test.sha256 } }),
  };
}

function stabilityMetadata({ skips, retries, good }: StabilityState): StabilityMetadata {
  return { skips, retries, good: good && goodMetadata(good) } satisfies EveryField<StabilityMetadata>;
}

function goodMetadata(good: GoodState): GoodMetadata {
  const { iteration, learningRate, optimizerSteps } = good;
  return {
    iteration,
    learningRate,
    optimizerSteps,
    average: averageMetadata(good),
  } satisfies EveryField<GoodMetadata>;
}

function averageMetadata({ average }: RunPosition): TrainingMetadata['average'] {
  return average && { since: average.since };
}

export function trainingTensors(
  layout: Layout,
  training: TrainingState | undefined,
): [string, TensorToStore][] {
  if (!training) return [];
  const good = training.stability?.good;
  return [
    ...positionTensors(layout, training, training.batchSize, 'train.'),
    ...(good ? vectorTensors(layout, good.parameters, 'train.good.') : []),
    ...(good ? positionTensors(layout, good, training.batchSize, 'train.good.') : []),
    oneTensor(GENERATOR, BigInt64Array.from(training.generator, BigInt)),
    ...lossTensors(TRAIN_LOSSES, training.trainLosses),
    ...lossTensors(VALIDATION_LOSSES, training.validationLosses),
    ...filesTensors({
      main: training.text?.files,
      validation: training.text?.validation?.files,
      test: training.text?.test?.files,
    }),
  ];
}

function positionTensors(
  layout: Layout,
  { moments, carriedState, average }: RunPosition,
  batchSize: number,
  prefix: string,
): [string, TensorToStore][] {
  return [
    ...(average ? vectorTensors(layout, average.weights, `${prefix}${WEIGHTS}`) : []),
    ...moments.flatMap((moment, index) => vectorTensors(layout, moment, `${prefix}moment${index}.`)),
    ...recurrentModules(layout).map(({ cell, hiddenSize }, layer) =>
      oneTensor(`${prefix}state_l${layer}`, carriedState[layer] as FloatArray, [
        stateParts(cell),
        batchSize,
        hiddenSize,
      ]),
    ),
  ];
}

/** Encodes losses as two tensors. */
export function lossTensors(name: string, { iterations, values }: LossRecord): [string, TensorToStore][] {
  return [oneTensor(`${name}.iterations`, iterations), oneTensor(`${name}.values`, values)];
}

/** Whether a file has every tensor of its training state. Another program may have dropped some. */
export function isWholeTraining(training: TrainingMetadata, layout: Layout, tensors: Tensors): boolean {
  const { moments, stability } = training;
  const stored = [
    { prefix: 'train.', average: training.average },
    ...(stability?.good ? [{ prefix: 'train.good.', average: stability.good.average }] : []),
  ];
  const positions = stored.flatMap(({ prefix, average }) => [
    ...(average ? vectorNames(layout, `${prefix}${WEIGHTS}`) : []),
    ...Array.from({ length: moments }, (_, index) => vectorNames(layout, `${prefix}moment${index}.`)).flat(),
    ...recurrentModules(layout).map((_, layer) => `${prefix}state_l${layer}`),
  ]);
  const good = stability?.good ? vectorNames(layout, 'train.good.') : [];
  const losses = [TRAIN_LOSSES, VALIDATION_LOSSES].flatMap((name) => [
    `${name}.iterations`,
    `${name}.values`,
  ]);
  return [...positions, ...good, GENERATOR, ...losses].every((name) => tensors.has(name));
}

export function noLosses(): LossRecord {
  return { iterations: new Int32Array(), values: new Float64Array() };
}

export function decodeTraining(
  training: TrainingMetadata,
  facts: CheckpointMetadata,
  layout: Layout,
  tensors: Tensors,
  file: string,
): TrainingState {
  const { moments: _, text: stored, stability, average, ...rest } = training;
  const numbers = (prefix: string, position: PositionMetadata) => ({
    ...decodePosition(training, facts, layout, tensors, prefix, file),
    ...decodeAverage(position, layout, tensors, { prefix, precision: facts.precision, file }),
  });
  const good = stability?.good;
  if (good && good.iteration > training.iteration) {
    throw malformed(file, 'the state to return to is from a later iteration');
  }
  const firstIteration = good?.iteration ?? training.iteration;
  const { accumulate } = training.options;
  const batches = firstIteration * (typeof accumulate === 'number' ? accumulate : 1);
  if (batches + (training.shapeChange?.batchOffset ?? 0) < 0) {
    throw malformed(file, 'its position in the text is before the start');
  }
  const goodState = ({ average, ...position }: PositionMetadata): GoodState => {
    const parameters = vectorFromTensors(layout, tensors, 'train.good.', facts.precision, file);
    if (!parameters.every(Number.isFinite))
      throw malformed(file, 'a parameter of the state to return to is not finite');
    return { ...position, ...numbers('train.good.', { ...position, average }), parameters };
  };
  return {
    ...rest,
    ...numbers('train.', training),
    text: stored && trainedText(stored, decodeFiles(tensors, file)),
    ...(stability && {
      stability: {
        skips: stability.skips,
        retries: stability.retries,
        ...(good && { good: goodState(good) }),
      },
    }),
    generator: decodeGenerator(tensors, file),
    trainLosses: decodeLosses(tensors, TRAIN_LOSSES, file),
    validationLosses: decodeLosses(tensors, VALIDATION_LOSSES, file),
  };
}

/** The part of a position that is stored in the metadata. */
type PositionMetadata = Pick<RunPosition, 'iteration' | 'learningRate' | 'optimizerSteps'> &
  Pick<TrainingMetadata, 'average'>;

/** The weights, if the parameters are their average. */
function decodeAverage(
  { average, iteration }: PositionMetadata,
  layout: Layout,
  tensors: Tensors,
  { prefix, precision, file }: { prefix: string; precision: Precision; file: string },
): Pick<RunPosition, 'average'> {
  const names = vectorNames(layout, `${prefix}${WEIGHTS}`);
  if (!average) {
    const surplus = names.find((name) => tensors.has(name));
    if (surplus !== undefined)
      throw malformed(
        file,
        `it has a tensor ${surplus}, but its metadata does not say that the weights were averaged`,
      );
    return {};
  }
  if (average.since > iteration)
    throw malformed(file, 'its average of the weights begins after its iteration');
  const weights = vectorFromTensors(layout, tensors, `${prefix}${WEIGHTS}`, precision, file);
  if (!weights.every(Number.isFinite)) throw malformed(file, 'a weight is not a finite number');
  return { average: { since: average.since, weights } };
}

/** Moments and carried state. */
function decodePosition(
  { moments, batchSize }: TrainingMetadata,
  { config, precision }: CheckpointMetadata,
  layout: Layout,
  tensors: Tensors,
  prefix: string,
  file: string,
): Pick<RunPosition, 'moments' | 'carriedState'> {
  const stateShape = [stateParts(config.cell), batchSize, config.hiddenSize];
  return {
    moments: Array.from({ length: moments }, (_, index) =>
      withoutNaN(vectorFromTensors(layout, tensors, `${prefix}moment${index}.`, precision, file), file),
    ),
    carriedState: Array.from({ length: config.layers }, (_, layer) =>
      withoutNaN(floatTensor(tensors, `${prefix}state_l${layer}`, stateShape, precision, file), file),
    ),
  };
}

/** Rejects NaN: training never saves one and could not recover from it. */
function withoutNaN(values: FloatArray, file: string): FloatArray {
  if (values.some(Number.isNaN)) throw malformed(file, 'its training state contains NaN');
  return values;
}

function decodeGenerator(tensors: Tensors, file: string): number[] {
  const words = typedTensor(tensors, GENERATOR, [MersenneTwister.SAVED_WORDS], BigInt64Array, file);
  const generator = safeIntegers(words, GENERATOR, file);
  try {
    MersenneTwister.restore(generator);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw malformed(file, error.message);
  }
  return generator;
}

/** Decodes losses from the two tensors. */
export function decodeLosses(tensors: Tensors, name: string, file: string): LossRecord {
  const iterations = typedTensor(tensors, `${name}.iterations`, [null], Int32Array, file);
  const values = typedTensor(tensors, `${name}.values`, [iterations.length], Float64Array, file);
  return { iterations, values };
}

/** The text from its metadata and files. Earlier versions stored a single `path`. */
export function trainedText(
  { path, validation, test, ...text }: NonNullable<TrainingMetadata['text']>,
  files: FilesByRole = {},
): TrainedText {
  return {
    ...text,
    ...(path !== undefined && { paths: [path] }),
    ...(files.main && { files: files.main }),
    ...(validation && { validation: withFiles(validation, files.validation) }),
    ...(test && { test: withFiles(test, files.test) }),
  };
}

function withFiles(text: KnownText, files: readonly FileFacts[] | undefined): KnownText {
  return files ? { ...text, files } : text;
}
