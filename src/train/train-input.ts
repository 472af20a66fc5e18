/** The input of `train`, in Node and in a page. A page has no files: there, texts, checkpoints and storages are values. */

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

/** A checkpoint, the bytes of a checkpoint file in any known format, or, in Node, its path. */
export type CheckpointInput = string | Uint8Array | Checkpoint;

export interface TrainInput extends Given<TrainingOptions> {
  /** The text to train on. Give either this or `textFile`. */
  readonly text?: string | Uint8Array | undefined;
  /** Node: where the text is: files and folders, in order, or `-` for standard input. A folder with `input.txt` means that file. */
  readonly textFile?: string | readonly string[] | undefined;
  /** The name of `text` in messages. Default: `the text`. */
  readonly name?: string | undefined;
  /** Node: a pattern that files of a folder must match, such as `*.txt`. */
  readonly include?: string | undefined;
  /** Node: whether a file in a folder that is not text is an error. Default: it is left out, with a notice. */
  readonly strict?: boolean | undefined;
  /** Node: bytes of memory that the text may take. Default: a quarter of what the machine or its container has. */
  readonly memory?: number | undefined;
  /**
   * Held-out texts: values if `text` is given, paths if `textFile` is given. With them, `trainFraction` and `validationFraction` no longer
   * apply.
   */
  readonly validation?: string | TextInput | undefined;
  readonly test?: string | TextInput | undefined;
  /**
   * Where checkpoints go: a storage, or, in Node, a folder, which also gets the run's log and is made if it is missing. Default: nothing
   * is written, and only the last event carries the model.
   */
  readonly checkpointDir?: string | CheckpointStorage | undefined;
  /** Node: folder for TensorBoard's event files. The run writes into a subfolder named by its `saveName`. */
  readonly tensorboardDir?: string | undefined;
  /** Checkpoint to start a new run from: its weights, with its model shape and vocabulary. */
  readonly initFrom?: CheckpointInput | undefined;
  /**
   * Checkpoint to resume from, as if the run had never stopped; in Node also a folder, whose newest checkpoint is used. Options that are
   * not given keep the run's values. If this is a path, the text and the folder for new checkpoints default to the run's, too.
   */
  readonly resume?: CheckpointInput | undefined;
  /**
   * Name of the run, the same in all its checkpoints. Default: a random name. If the folder for checkpoints holds a run of this name,
   * that run starts over. With `resume`, the resumed run must have this name.
   */
  readonly runId?: string | undefined;
  /**
   * When it is aborted, the run finishes its iteration, saves a checkpoint and ends as `interrupted`. While a text is being prepared,
   * `train` throws the signal's reason instead.
   */
  readonly signal?: AbortSignal | undefined;
  /** Bytes of memory that the run may take. Default: the memory of the machine or its container; in a page 4 GB. */
  readonly availableMemory?: number | undefined;
  /** Maximum number of iterations in flight. Default: the engine's depth. With 1, the run waits for each iteration, which times it exactly. */
  readonly maxInFlight?: number | undefined;
  /** Observers that get each event of the run, from its notices on, before the caller does. */
  readonly observers?: readonly TrainingObserver[] | undefined;
  /** Where the options come from, for the event `started`. Default: flags. */
  readonly origins?: OptionOrigins | undefined;
  /** Chooses the engine. Default: the fastest that works here. */
  readonly makeEngine?: MakeEngine | undefined;
}

/** The keys of `TrainInput` that are not training options. */
const INPUT_KEYS: Readonly<Record<Exclude<keyof TrainInput, keyof TrainingOptions>, true>> = {
  ...{ text: true, textFile: true, name: true, include: true, strict: true, memory: true },
  ...{ validation: true, test: true, checkpointDir: true, tensorboardDir: true },
  ...{ initFrom: true, resume: true, runId: true, signal: true, availableMemory: true },
  ...{ maxInFlight: true, observers: true, origins: true, makeEngine: true },
};

/** The training options of an input, unchecked: unknown keys are kept, so that the check can name them. */
export function optionsOf(input: TrainInput): Given<TrainingOptions> {
  return Object.fromEntries(Object.entries(input).filter(([key]) => !Object.hasOwn(INPUT_KEYS, key)));
}

/** Texts in memory. */
export interface GivenTexts {
  readonly text: string | Uint8Array;
  readonly name: string;
  readonly validation?: TextInput | undefined;
  readonly test?: TextInput | undefined;
}

/**
 * The texts of an input that gives `text`.
 *
 * @throws {OptionError} for a text that is neither a string nor bytes
 * @throws {UsageError} for a held-out text that is given as a path
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

/** The name of a checkpoint without a path in messages. */
export const UNNAMED_CHECKPOINT = 'the checkpoint';

/**
 * A checkpoint from a value or from bytes.
 *
 * @param option The option that it was given for.
 * @throws {OptionError} for a value that is not a checkpoint
 * @throws {UsageError} for a path
 * @throws {CheckpointError} for truncated or malformed bytes
 */
export function checkpointOf(option: 'initFrom' | 'resume', value: CheckpointInput): Checkpoint {
  if (typeof value === 'string') throw noFilesError(option);
  if (value instanceof Uint8Array) return openCheckpoint(value, UNNAMED_CHECKPOINT);
  if (typeof value === 'object' && value?.parameters && value.config && value.vocabulary)
    return withMethods(value);
  throw new OptionError(option, `got ${kindOf(value)}, expected a checkpoint, its bytes or its path`);
}

/** The error for a path, or an option about files, in an environment without files. */
export function noFilesError(option: string): UsageError {
  return new UsageError(`train: \`${option}\` is for files, and there are none here`);
}

/** @throws {OptionError} unless `maxInFlight` is missing or a whole number of at least 1 */
export function checkMaxInFlight(maxInFlight: unknown): void {
  if (maxInFlight === undefined) return;
  if (Number.isSafeInteger(maxInFlight) && (maxInFlight as number) >= 1) return;
  const got = typeof maxInFlight === 'number' ? String(maxInFlight) : kindOf(maxInFlight);
  throw new OptionError('maxInFlight', `got ${got}, expected a whole number of at least 1`);
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
