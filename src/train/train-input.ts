/** What `train` takes, in Node and in a page alike. A page has no files: there texts, checkpoints and storages are values. */

import { type Checkpoint, withMethods } from '../checkpoint/checkpoint.ts';
import type { CheckpointStorage } from '../checkpoint/storage/storage.ts';
import type { TextInput } from '../data/corpus.ts';
import type { MakeEngine } from '../engine/select.ts';
import { OptionError, UsageError } from '../errors.ts';
import { openCheckpoint } from '../formats/open.ts';
import { checkContent, kindOf } from '../util/check-content.ts';
import type { Given } from '../util/check-options.ts';
import type { OptionOrigins } from '../util/option-origins.ts';
import type { TrainingObserver } from './observers/observers.ts';
import type { TrainingOptions } from './options.ts';

/** A checkpoint, the bytes of a file in any known format, or, in Node, its path. */
export type CheckpointInput = string | Uint8Array | Checkpoint;

export interface TrainInput extends Given<TrainingOptions> {
  /** The text itself, */
  readonly text?: string | Uint8Array | undefined;
  /** or, in Node, where it is: files and folders, in order, or `-` for standard input. A folder with `input.txt` is that file. */
  readonly textFile?: string | readonly string[] | undefined;
  /** What `text` is called in messages. Default: `the text`. */
  readonly name?: string | undefined;
  /** Node: a pattern that files of a folder must match, such as `*.txt`. */
  readonly include?: string | undefined;
  /** Node: whether a file of a folder that is no text is an error; else it is left out, with a notice. */
  readonly strict?: boolean | undefined;
  /** Node: bytes of memory that the text may take. Default: a quarter of what the machine or its container has. */
  readonly memory?: number | undefined;
  /** Texts that are held out: with `text` themselves, with `textFile` their paths. The fractions then no longer apply. */
  readonly validation?: string | TextInput | undefined;
  readonly test?: string | TextInput | undefined;
  /**
   * Where checkpoints go: a storage, or, in Node, a folder, made when missing, in which the run's log is too. Absent: nothing is
   * written; the last event carries the model.
   */
  readonly checkpointDir?: string | CheckpointStorage | undefined;
  /** Node: folder for TensorBoard's event files, in which the run has a folder of its `saveName`. */
  readonly tensorboardDir?: string | undefined;
  /** Checkpoint whose weights are the start; the model's shape and the vocabulary come from it. */
  readonly initFrom?: CheckpointInput | undefined;
  /**
   * Checkpoint of a run to go on with as if it had never stopped, or, in Node, the folder whose newest one it is. Options that are not
   * given are the run's own; so are, with a path, the text and the folder for new checkpoints.
   */
  readonly resume?: CheckpointInput | undefined;
  /**
   * Name of the run, the same in all its checkpoints. Default: a random one. A run that has it already in the folder for checkpoints
   * is begun again there; with `resume` the run that goes on must have it.
   */
  readonly runId?: string | undefined;
  /** Finishes the iteration, saves, and ends the run as `interrupted`; while a text is prepared, its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes of memory that the run may take. Default: what the machine or its container has; in a page 4 GB. */
  readonly availableMemory?: number | undefined;
  /** Iterations in flight at most. Default: as many as the engine asks for; 1 waits for each, to time it. */
  readonly maxInFlight?: number | undefined;
  /** Those who get each event of the run itself, from its notices on, before the caller does. */
  readonly observers?: readonly TrainingObserver[] | undefined;
  /** Where the options come from, if not from flags or the program that calls. `started` tells it. */
  readonly origins?: OptionOrigins | undefined;
  /** Chooses the engine. Default: the fastest that works here. */
  readonly makeEngine?: MakeEngine | undefined;
}

/** What is no training option. */
const INPUTS: Readonly<Record<Exclude<keyof TrainInput, keyof TrainingOptions>, true>> = {
  ...{ text: true, textFile: true, name: true, include: true, strict: true, memory: true },
  ...{ validation: true, test: true, checkpointDir: true, tensorboardDir: true },
  ...{ initFrom: true, resume: true, runId: true, signal: true, availableMemory: true },
  ...{ maxInFlight: true, observers: true, origins: true, makeEngine: true },
};

/** The training options of an input. One that there is not is left to be named by their check. */
export function optionsOf(input: TrainInput): Given<TrainingOptions> {
  return Object.fromEntries(Object.entries(input).filter(([key]) => !Object.hasOwn(INPUTS, key)));
}

/** The texts of an input that are given themselves. */
export interface GivenTexts {
  readonly text: string | Uint8Array;
  readonly name: string;
  readonly validation?: TextInput | undefined;
  readonly test?: TextInput | undefined;
}

/**
 * The texts of an input, where `text` is given.
 *
 * @throws {OptionError} for one that is neither a string nor bytes
 * @throws {UsageError} for a path of one that is held out
 */
export function textsOf({ text, name = 'the text', validation, test }: TrainInput): GivenTexts {
  checkContent('text', text);
  for (const [key, value] of Object.entries({ validation, test })) {
    if (typeof value === 'string')
      throw new UsageError(`train: with \`text\`, \`${key}\` is a text too, { text, name }, not a path`);
    if (value) checkContent(`${key}.text`, value.text);
  }
  return {
    ...{ text: text as string | Uint8Array, name },
    ...{ validation: validation as TextInput | undefined, test: test as TextInput | undefined },
  };
}

/** What a checkpoint without a path is called in messages. */
export const UNNAMED_CHECKPOINT = 'the checkpoint';

/**
 * A checkpoint that is given itself, or as bytes.
 *
 * @param option Under which it was given.
 * @throws {OptionError} for what is no checkpoint
 * @throws {UsageError} for a path
 * @throws {CheckpointError} for bytes that are not whole or not well-formed
 */
export function checkpointOf(option: 'initFrom' | 'resume', value: CheckpointInput): Checkpoint {
  if (typeof value === 'string') throw noFilesError(option);
  if (value instanceof Uint8Array) return openCheckpoint(value, UNNAMED_CHECKPOINT);
  if (typeof value === 'object' && value?.parameters && value.config && value.vocabulary)
    return withMethods(value);
  throw new OptionError(option, `got ${kindOf(value)}, expected a checkpoint, its bytes or its path`);
}

/** The error for a path, and for what is asked of files, where there are none. */
export function noFilesError(option: string): UsageError {
  return new UsageError(`train: \`${option}\` is for files, and there are none here`);
}

const MAX_RUN_ID_LENGTH = 200;

/**
 * Checks the name of a run.
 *
 * @param runId Default: a random name, which needs no check.
 * @throws {OptionError} for a name that is empty, too long, or has control characters
 */
export function checkRunId(runId: unknown): void {
  if (runId === undefined) return;
  const isName = typeof runId === 'string' && runId.length <= MAX_RUN_ID_LENGTH && /^\P{C}+$/u.test(runId);
  if (isName) return;
  const got =
    typeof runId === 'string' ? JSON.stringify(runId.slice(0, MAX_RUN_ID_LENGTH + 1)) : String(runId);
  throw new OptionError('runId', `got ${got}, expected a name of 1 to ${MAX_RUN_ID_LENGTH} characters`);
}
