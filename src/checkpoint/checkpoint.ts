/** What a checkpoint holds. */
import type { FileFacts, KnownText } from '../data/files/known-text.ts';
import { Vocabulary } from '../data/vocabulary.ts';
import type { FloatArray, Precision } from '../engine/engine.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Regularization } from '../model/regularization.ts';

/** A loss at an iteration, in nats a token. */
export interface LossRecord {
  readonly iterations: Int32Array;
  readonly values: Float64Array;
}

/** Which text a run is trained on, and where it was, so that the run can be resumed. */
export interface TrainedText {
  readonly bytes: number;
  readonly sha256: string;
  /** Files and folders, as absolute paths, and the pattern that files of a folder had to match. */
  readonly paths?: readonly string[] | undefined;
  readonly include?: string | undefined;
  readonly validPath?: string | undefined;
  readonly testPath?: string | undefined;
  /** Its files in order. Absent in checkpoints of earlier versions, and where there are too many. */
  readonly files?: readonly FileFacts[] | undefined;
  /** The texts that are held out. Absent where there are none, and in checkpoints of earlier versions. */
  readonly validation?: KnownText | undefined;
  readonly test?: KnownText | undefined;
}

/** What iterations change, beside the parameters and the record of losses. */
export interface RunPosition {
  /** Iterations made. */
  readonly iteration: number;
  readonly learningRate: number;
  /** The optimizer's moments, in canonical order of the parameters. */
  readonly moments: readonly FloatArray[];
  /** Updates that the optimizer has made. */
  readonly optimizerSteps: number;
  /** Carried state of each recurrent layer, [S, B, H] in row-major order. */
  readonly carriedState: readonly FloatArray[];
}

/** A position that can be gone back to, with its parameters in canonical order. */
export interface GoodState extends RunPosition {
  readonly parameters: FloatArray;
}

/** How a run has fared, which decides on what its next explosion leads to. */
export interface StabilityState {
  /** Iterations without an update right before this moment. */
  readonly skips: number;
  /** Times that the run has gone back. */
  readonly retries: number;
  /** Where the next explosion leads back to; absent: to the checkpoint itself. */
  readonly good?: GoodState | undefined;
}

/** How batches relate to iterations once a run was resumed with another shape. */
export interface ShapeChange {
  /** `iteration + batchOffset` = batches of the present shape up to this place in the text. */
  readonly batchOffset: number;
  /** The shape that the run began with, which decides what is held out. */
  readonly heldOut: { readonly batchSize: number; readonly sequenceLength: number };
}

/** All that is needed to go on training as if it had not stopped. */
export interface TrainingState extends RunPosition {
  /** Name of the run, the same in all its checkpoints. */
  readonly runId: string;
  readonly epoch: number;
  /** The options of the run, by their names in the library. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Absent where the run stops at its first explosion. */
  readonly stability?: StabilityState | undefined;
  readonly batchSize: number;
  /** Absent where the run always had the same shape. */
  readonly shapeChange?: ShapeChange | undefined;
  /** The next batch of the training split, from 0. */
  readonly cursor: number;
  /** Words of the random generator. */
  readonly generator: readonly number[];
  readonly trainLosses: LossRecord;
  readonly validationLosses: LossRecord;
  /** The text that it was trained on. */
  readonly text: TrainedText | undefined;
}

/** What another program kept in a checkpoint of its own. */
export interface Origin {
  /** `char-rnn`, `torch-rnn`. */
  readonly program: string;
  /** The options of its run, by its own names. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly iteration?: number | undefined;
  readonly epoch?: number | undefined;
  readonly trainLosses: LossRecord;
  readonly validationLosses: LossRecord;
  /** What had to be changed to read it, for people. */
  readonly notices: readonly string[];
  /** Why the model can be sampled but not trained further; absent where it can. */
  readonly sampleOnly?: string | undefined;
}

export interface Checkpoint {
  readonly config: ModelConfig;
  /** What it was trained with. Default: none. */
  readonly regularization?: Regularization | undefined;
  /** Precision of the parameters, moments and carried state. */
  readonly precision: Precision;
  readonly vocabulary: Vocabulary;
  /** All parameters in canonical order (`engine/layout.ts`). */
  readonly parameters: FloatArray;
  /** Absent in a model that was not trained here, or that was stripped for use. */
  readonly training?: TrainingState | undefined;
  /** Present in a model that another program trained. */
  readonly origin?: Origin | undefined;
  /** What had to be changed or left out to read the file, for people. Not saved. */
  readonly notices?: readonly string[] | undefined;
}

/** A checkpoint from which training can go on. */
export interface TrainedCheckpoint extends Checkpoint {
  readonly training: TrainingState;
}

/** A checkpoint that may have been cloned, as between a worker and a page: its vocabulary then has lost its methods. */
export function withMethods<T extends Checkpoint>(checkpoint: T): T {
  const vocabulary = Vocabulary.from(checkpoint.vocabulary);
  return vocabulary === checkpoint.vocabulary ? checkpoint : { ...checkpoint, vocabulary };
}

/** Everything that a person who opens the checkpoint should know of how it was read. */
export function readingNotices({ notices = [], origin }: Checkpoint): string[] {
  return [...notices, ...(origin?.notices ?? [])];
}
