/** The contents of a checkpoint. */
import type { FileFacts, KnownText } from '../data/files/known-text.ts';
import { Vocabulary } from '../data/vocabulary.ts';
import type { FloatArray, Precision } from '../engine/engine.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Regularization } from '../model/regularization.ts';
import type { WeightType } from './stored-precision.ts';

/** Losses by iteration, in nats per token. */
export interface LossRecord {
  readonly iterations: Int32Array;
  readonly values: Float64Array;
}

/** The text of a run and its paths, for resuming. */
export interface TrainedText {
  readonly bytes: number;
  readonly sha256: string;
  /** Absolute paths of files and folders, and the pattern that files of a folder had to match. */
  readonly paths?: readonly string[] | undefined;
  readonly include?: string | undefined;
  readonly validPath?: string | undefined;
  readonly testPath?: string | undefined;
  /** Its files in order. Absent in checkpoints of earlier versions, or if there are too many. */
  readonly files?: readonly FileFacts[] | undefined;
  /** The held-out texts. Absent if there are none, or in checkpoints of earlier versions. */
  readonly validation?: KnownText | undefined;
  readonly test?: KnownText | undefined;
}

/** The state of a run that averages its weights: the parameters are the average, and training continues from these weights. */
export interface AveragedWeights {
  /** The iteration after which the average began. */
  readonly since: number;
  /** The weights after the last update, in canonical order. */
  readonly weights: FloatArray;
}

/** What an iteration changes, except the parameters and losses. */
export interface RunPosition {
  /** Iterations done. */
  readonly iteration: number;
  /** With the original's schedule, the learning rate of the next update; with any other, its peak rate. */
  readonly learningRate: number;
  /** The optimizer's moments, in the canonical order of the parameters. */
  readonly moments: readonly FloatArray[];
  /** Updates done by the optimizer. */
  readonly optimizerSteps: number;
  /** Carried state of each recurrent layer, [S, B, H] in row-major order. */
  readonly carriedState: readonly FloatArray[];
  /** Absent if the parameters are the weights after the last update. */
  readonly average?: AveragedWeights | undefined;
}

/** A state that the run can return to, with its parameters in canonical order. */
export interface GoodState extends RunPosition {
  readonly parameters: FloatArray;
}

/** The history of a run's explosions, which decides what happens at the next one. */
export interface StabilityState {
  /** Consecutive iterations without an update, up to now. */
  readonly skips: number;
  /** How often the run has returned to an earlier state. */
  readonly retries: number;
  /** The state to return to at the next explosion. Absent: the checkpoint itself. */
  readonly good?: GoodState | undefined;
}

/** How batches relate to iterations in a run that was resumed with another batch shape. */
export interface ShapeChange {
  /** `iteration · accumulate + batchOffset` is the number of batches of the present shape up to this position in the text. */
  readonly batchOffset: number;
  /** The initial shape of the run, which determines the held-out text. */
  readonly heldOut: { readonly batchSize: number; readonly sequenceLength: number };
}

/** Everything needed to continue training as if it had not stopped. */
export interface TrainingState extends RunPosition {
  /** Identifies the run. The same in all its checkpoints. */
  readonly runId: string;
  readonly epoch: number;
  /** The options of the run, by their names in the library. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Absent if the run stops at its first explosion. */
  readonly stability?: StabilityState | undefined;
  readonly batchSize: number;
  /** Absent if the shape has never changed. */
  readonly shapeChange?: ShapeChange | undefined;
  /** The next batch of the training split, from 0. */
  readonly cursor: number;
  /** State of the random generator. */
  readonly generator: readonly number[];
  readonly trainLosses: LossRecord;
  readonly validationLosses: LossRecord;
  /** The text of the run. */
  readonly text: TrainedText | undefined;
}

/** Facts from another program's checkpoint. */
export interface Origin {
  /** `char-rnn`, `torch-rnn`. */
  readonly program: string;
  /** The options of its run, by that program's names. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly iteration?: number | undefined;
  readonly epoch?: number | undefined;
  readonly trainLosses: LossRecord;
  readonly validationLosses: LossRecord;
  /** Messages about changes made when it was read. */
  readonly notices: readonly string[];
  /** Why the model can't be trained further. Absent if it can. */
  readonly sampleOnly?: string | undefined;
}

export interface Checkpoint {
  readonly config: ModelConfig;
  /** Used in training. Default: none. */
  readonly regularization?: Regularization | undefined;
  /** Precision of the parameters, moments and carried state. */
  readonly precision: Precision;
  readonly vocabulary: Vocabulary;
  /** All parameters in canonical order (`engine/layout.ts`). Those of an int8 file are computed from its levels on each access. */
  readonly parameters: FloatArray;
  /**
   * The mean square of each parameter's gradient over the training text, in canonical order (`score/mean-square.ts`). Absent: not measured;
   * dynamic evaluation then uses a running mean.
   */
  readonly meanSquare?: FloatArray | undefined;
  /** Absent in a model from another program, or without its training state. */
  readonly training?: TrainingState | undefined;
  /** Present in a model trained by another program. */
  readonly origin?: Origin | undefined;
  /**
   * Number types in which the file stored the parameter tensors, in the order of `parameterSlices`. Absent if all have the checkpoint's
   * precision. Not saved.
   */
  readonly weightTypes?: readonly WeightType[] | undefined;
  /** Messages about what was changed or left out when the file was read. Not saved. */
  readonly notices?: readonly string[] | undefined;
}

/** A checkpoint from which training can continue. */
export interface TrainedCheckpoint extends Checkpoint {
  readonly training: TrainingState;
}

/** Restores a vocabulary that lost its methods in a structured clone, as between a worker and a page. */
export function withMethods<T extends Checkpoint>(checkpoint: T): T {
  const vocabulary = Vocabulary.from(checkpoint.vocabulary);
  return vocabulary === checkpoint.vocabulary ? checkpoint : { ...checkpoint, vocabulary };
}

/** All messages about how a checkpoint was read. */
export function readingNotices({ notices = [], origin }: Checkpoint): string[] {
  return [...notices, ...(origin?.notices ?? [])];
}

/** The same for what continues from its weights: also that they are rounded. */
export function continuingNotices(checkpoint: Checkpoint): string[] {
  const { weightTypes = [] } = checkpoint;
  const types = new Set(weightTypes.filter((type) => type !== 'float32' && type !== 'float64'));
  const rounded = types.size > 0 ? [`its weights are rounded to ${[...types].join(' and ')}`] : [];
  return [...readingNotices(checkpoint), ...rounded];
}
