/**
 * What a training run tells its readers: the terminal, the log, a program.
 *
 * Losses are in nats a token; times in milliseconds; iterations are counted from 1 over the whole run.
 */

import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { RunFiles } from '../checkpoint/storage/run-files.ts';
import type { TextFacts } from '../data/corpus.ts';
import type { PreparingProgress } from '../data/preparation.ts';
import type { Remedy } from '../errors.ts';
import type { OptionOrigins } from '../util/option-origins.ts';
import type { Advice } from './advice/rules.ts';
import type { TrainingOptions } from './options.ts';

/** A plain fact worth a line: what was read, dropped, made again. */
export interface NoticeEvent {
  readonly type: 'notice';
  readonly message: string;
  readonly remedies?: readonly Remedy[] | undefined;
}

/** Progress with a text that takes over a second to prepare. */
export interface PreparingEvent extends PreparingProgress {
  readonly type: 'preparing';
}

/** Something that may not be what the person wanted; training goes on. */
export interface WarningEvent {
  readonly type: 'warning';
  /** Stable, kebab-case name. */
  readonly code: string;
  readonly message: string;
}

/** The version of the events' form, which is that of the log too. Logs of version 1 do not say so. */
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
  /** Where those of the options come from that do not have their default. */
  readonly origins: OptionOrigins;
  /** Where the parameters come from: drawn anew, a checkpoint's weights, or the run that goes on. */
  readonly start: 'new' | 'weights' | 'resumed';
  /** What is trained on. */
  readonly text: TextFacts;
  readonly vocabularySize: number;
  /** Batches in each split. */
  readonly batches: { readonly train: number; readonly validation: number; readonly test: number };
  /** Tokens in the text that is trained on and held out. */
  readonly tokens: number;
  readonly parameters: number;
  /** Bytes by which the run makes the process grow, about. */
  readonly memory: number;
  /** Bytes that are free for it now, where that is known. */
  readonly freeMemory: number | undefined;
  /** The engine in one line. */
  readonly engine: string;
  /** Iterations that were made before. */
  readonly iteration: number;
  /** The iteration count at which the run ends. */
  readonly iterations: number;
  /** Where checkpoints go, if anywhere. */
  readonly writes: string | undefined;
  /** Why that is another folder than the one asked for: `cv/ holds the run of book.txt from 27 November`. */
  readonly writesInstead: string | undefined;
  /** The names of the run's files in that folder. */
  readonly files: RunFiles | undefined;
}

export interface IterationEvent {
  readonly type: 'iteration';
  readonly iteration: number;
  readonly iterations: number;
  readonly epoch: number;
  readonly trainLoss: number;
  readonly learningRate: number;
  /** ‖gradient‖₂ after clipping. */
  readonly gradientNorm: number;
  /** ‖parameters‖₂ after the update. */
  readonly parameterNorm: number;
  /** Wall time since the end of the iteration before, less evaluation and checkpoint. */
  readonly milliseconds: number;
  /** Tokens trained on in this iteration. */
  readonly tokens: number;
}

/** An iteration without an update, as its loss or gradient was not finite. */
export interface SkippedEvent {
  readonly type: 'skipped';
  readonly iteration: number;
  readonly cause: 'loss' | 'gradient';
  /** Such iterations up to this one. */
  readonly inARow: number;
  /** The number of them at which the run goes back. */
  readonly borne: number;
}

/** After an explosion the run is where it was after an earlier iteration; what came in between is forgotten. */
export interface RestoredEvent {
  readonly type: 'restored';
  /** The iteration that the run is at now. */
  readonly iteration: number;
  readonly epoch: number;
  /** What happened, and where. */
  readonly reason: string;
  /** Half of what it was. */
  readonly learningRate: number;
  /** The number of this retry, from 1, and of those allowed. */
  readonly retry: number;
  readonly retries: number;
}

/** How long it takes, measured on recent iterations; told again where it turns out to be wrong. Evaluations and saves come on top. */
export interface TimedEvent {
  readonly type: 'timed';
  /** Of one iteration. */
  readonly milliseconds: number;
  readonly epochMilliseconds: number;
  /** From here to the end of the run. */
  readonly restMilliseconds: number;
}

/** What the model's size or the course of the losses says, and what to do; each kind once in a run. */
export interface AdviceEvent extends Advice {
  readonly type: 'advice';
}

/** Progress within an evaluation. */
export interface EvaluatingEvent {
  readonly type: 'evaluating';
  /** The batch just done, from 1. */
  readonly batch: number;
  readonly batches: number;
}

export interface EvaluatedEvent {
  readonly type: 'evaluated';
  readonly iteration: number;
  readonly epoch: number;
  readonly validationLoss: number;
  /** Of that loss as an estimate for more text of the kind; undefined where it can't be told. */
  readonly standardError: number | undefined;
  /** The lowest of the run. */
  readonly best: boolean;
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
  /** Where it went; in a page, the name that the storage gave it. */
  readonly path: string;
  readonly validationLoss: number | undefined;
}

export interface FinishedEvent {
  readonly type: 'finished';
  /** `completed`: all epochs; `iterations`: `maxIterations` were made; `no-better`: `earlyStop`; `interrupted`: by signal. */
  readonly reason: 'completed' | 'iterations' | 'no-better' | 'interrupted';
  readonly iteration: number;
  readonly epoch: number;
  /** The model as it is now, with the training state. In a structured clone of the event its vocabulary is data: see `Vocabulary.from`. */
  readonly checkpoint: Checkpoint;
  /** Where it was saved, if anywhere. */
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
  | TimedEvent
  | AdviceEvent
  | EvaluatingEvent
  | EvaluatedEvent
  | SampledEvent
  | CheckpointedEvent
  | FinishedEvent;
