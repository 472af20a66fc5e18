/**
 * The events of a training run, for the terminal, the log and programs.
 *
 * Losses are in nats per token, times in milliseconds. Iterations count from 1 over the whole run.
 */

import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { RunFiles } from '../checkpoint/storage/run-files.ts';
import type { TextFacts } from '../data/corpus.ts';
import type { PreparingProgress } from '../data/preparation.ts';
import type { Remedy } from '../errors.ts';
import type { CountModelLoss } from '../score/count-model/count-model-loss.ts';
import type { OptionOrigins } from '../util/option-origins.ts';
import type { Advice } from './advice/rules.ts';
import type { TrainingOptions } from './options.ts';

/** A line of information, for example about files that were left out. */
export interface NoticeEvent {
  readonly type: 'notice';
  readonly message: string;
  readonly remedies?: readonly Remedy[] | undefined;
}

/** Progress in preparing a text, if that takes over a second. */
export interface PreparingEvent extends PreparingProgress {
  readonly type: 'preparing';
}

/** Something that the user may not have wanted. Training continues. */
export interface WarningEvent {
  readonly type: 'warning';
  /** Stable, kebab-case name. */
  readonly code: string;
  readonly message: string;
}

/** The version of the event format, and so of the log. Logs of version 1 do not contain it. */
export const EVENTS_VERSION = 2;

export interface StartedEvent {
  readonly type: 'started';
  readonly formatVersion: number;
  /** The program's version, such as `0.1.0`. */
  readonly programVersion: string;
  /** Name of the machine that trains; undefined in a page. */
  readonly host: string | undefined;
  /** Name of the run, the same in all its checkpoints. */
  readonly runId: string;
  readonly options: TrainingOptions;
  /** Where the options that differ from their defaults come from. */
  readonly origins: OptionOrigins;
  /** Where the parameters come from: random numbers, the weights of a checkpoint, or the resumed run. */
  readonly start: 'new' | 'weights' | 'resumed';
  /** The training text. */
  readonly text: TextFacts;
  readonly vocabularySize: number;
  /** Batches in each split. */
  readonly batches: { readonly train: number; readonly validation: number; readonly test: number };
  /** Tokens in the whole text, including what is held out. */
  readonly tokens: number;
  readonly parameters: number;
  /** Estimated bytes of memory that the run adds to the process. */
  readonly memory: number;
  /** Estimated bytes that it takes of a GPU's memory. Undefined on the CPU. */
  readonly gpuMemory?: number | undefined;
  /** Bytes of memory that are free now, if known. */
  readonly freeMemory: number | undefined;
  /** The engine in one line. */
  readonly engine: string;
  /** Iterations made before this start. */
  readonly iteration: number;
  /** The iteration at which the run ends. */
  readonly iterations: number;
  /** Location of the checkpoints; undefined if none are written. */
  readonly writes: string | undefined;
  /** Why that is not the requested folder: `cv/ holds the run of book.txt from 27 November`. */
  readonly writesInstead: string | undefined;
  /** The names of the run's files in that folder. Only the command line writes `config`. */
  readonly files: RunFiles | undefined;
}

export interface IterationEvent {
  readonly type: 'iteration';
  readonly iteration: number;
  readonly iterations: number;
  readonly epoch: number;
  readonly trainLoss: number;
  /** The rate of the schedule. With random lengths, the update used this rate, times the iteration's `tokens`, divided by their mean. */
  readonly learningRate: number;
  /** ‖gradient‖₂ after clipping. */
  readonly gradientNorm: number;
  /** ‖parameters‖₂ after the update. */
  readonly parameterNorm: number;
  /** Wall time since the end of the previous iteration, without evaluations and checkpoints. */
  readonly milliseconds: number;
  /** Tokens trained on in this iteration. */
  readonly tokens: number;
}

/** An iteration without an update, because its loss or gradient was not finite. */
export interface SkippedEvent {
  readonly type: 'skipped';
  readonly iteration: number;
  readonly cause: 'loss' | 'gradient';
  /** The number of consecutive skipped iterations, including this one. */
  readonly consecutive: number;
  /** The number of consecutive skipped iterations at which the run returns to its last good state. */
  readonly limit: number;
}

/** After an explosion, the run has returned to an earlier iteration. The iterations since then are discarded. */
export interface RestoredEvent {
  readonly type: 'restored';
  /** The iteration to which the run returned. */
  readonly iteration: number;
  readonly epoch: number;
  /** What exploded, and at which iteration. */
  readonly reason: string;
  /** The learning rate from now on: half of the previous one. */
  readonly learningRate: number;
  /** The number of this retry, from 1. */
  readonly retry: number;
  /** The number of retries allowed. */
  readonly retries: number;
}

/** The engine was lost or had too little memory. The run continues on another engine, from the newest copy of its state. */
export interface ContinuedEvent {
  readonly type: 'continued';
  /** The iteration of the copy: later ones are repeated. */
  readonly iteration: number;
  readonly epoch: number;
  /** What happened to the engine. */
  readonly reason: string;
  /** The engine from now on, in one line. */
  readonly engine: string;
}

/**
 * The estimated time of the run, from the times of its iterations and evaluations: after ten iterations or three seconds, ten seconds after
 * the first iteration, and whenever the estimate has left its range or the range has become much narrower.
 */
export interface TimedEvent {
  readonly type: 'timed';
  /** The time of one iteration, without evaluations. */
  readonly milliseconds: number;
  readonly epochMilliseconds: number;
  /** The time from here to the end of the run, with evaluations. */
  readonly restMilliseconds: number;
  /** The range that this time is in for about eight of ten runs. */
  readonly minRestMilliseconds: number;
  readonly maxRestMilliseconds: number;
}

/** Advice that follows from the model's size or the losses. Each kind comes at most once in a run. */
export interface AdviceEvent extends Advice {
  readonly type: 'advice';
}

/** Progress within an evaluation. */
export interface EvaluatingEvent {
  readonly type: 'evaluating';
  /** The batch just evaluated, from 1. */
  readonly batch: number;
  readonly batches: number;
}

export interface EvaluatedEvent {
  readonly type: 'evaluated';
  readonly iteration: number;
  readonly epoch: number;
  readonly validationLoss: number;
  /** Standard error of that loss as an estimate for all text of this kind; undefined if there are too few data to compute it. */
  readonly standardError: number | undefined;
  /** Whether it is the lowest of the run. */
  readonly best: boolean;
}

/**
 * The loss of a count model of the training split: an n-gram model with interpolated modified Kneser–Ney smoothing. A network is of use if its
 * validation loss is lower.
 */
export interface BaselineEvent extends CountModelLoss {
  readonly type: 'baseline';
}

/** A short sample, drawn at each evaluation. */
export interface SampledEvent {
  readonly type: 'sampled';
  readonly iteration: number;
  readonly text: string;
}

export interface CheckpointedEvent {
  readonly type: 'checkpointed';
  readonly iteration: number;
  readonly epoch: number;
  /** Where it was saved; in a page, the name that the storage gave it. */
  readonly path: string;
  readonly validationLoss: number | undefined;
}

export interface FinishedEvent {
  readonly type: 'finished';
  /** `completed`: after all epochs; `iterations`: by `maxIterations`; `no-better`: by `earlyStop`; `interrupted`: by the signal. */
  readonly reason: 'completed' | 'iterations' | 'no-better' | 'interrupted';
  readonly iteration: number;
  readonly epoch: number;
  /** The final model, with the training state. In a structured clone of the event, its vocabulary is plain data: see `Vocabulary.from`. */
  readonly checkpoint: Checkpoint;
  /** Where it was saved; undefined if it was not. */
  readonly path: string | undefined;
}

export type TrainingEvent =
  | NoticeEvent
  | PreparingEvent
  | WarningEvent
  | StartedEvent
  | IterationEvent
  | SkippedEvent
  | RestoredEvent
  | ContinuedEvent
  | TimedEvent
  | AdviceEvent
  | BaselineEvent
  | EvaluatingEvent
  | EvaluatedEvent
  | SampledEvent
  | CheckpointedEvent
  | FinishedEvent;
