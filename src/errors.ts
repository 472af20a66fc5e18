/**
 * All errors that this package throws on purpose. Each has a `code` for programs and a message for people: where the problem is, what was
 * found, what was expected and what to do.
 */

/** A value for an option; a list if the option takes several; undefined to leave the option out. */
export type RemedyValue = string | number | boolean | readonly string[] | undefined;

/**
 * A way to solve the problem, as data. A program can apply it, the command line prints it as a command that works as typed, and the
 * error's `message` has a line for it.
 */
export interface Remedy {
  /** When or why to do this, without a full stop: `It looks like windows-1252`. */
  readonly text: string;
  /** Options to change in the same call, by their names in the library. Leave out those that are undefined. */
  readonly set?: Readonly<Record<string, RemedyValue>>;
  /** Another command of the program: the words after the program's name. */
  readonly command?: readonly string[];
}

export interface CharRnnErrorOptions extends ErrorOptions {
  readonly remedies?: readonly Remedy[] | undefined;
}

/** Base class of all errors of this package. Any other error that it throws is a bug. */
export abstract class CharRnnError extends Error {
  /** Stable, kebab-case name of what went wrong. */
  abstract readonly code: string;
  /** What went wrong, without the remedies. */
  readonly problem: string;
  readonly remedies: readonly Remedy[];

  constructor(problem: string, { remedies = [], ...options }: CharRnnErrorOptions = {}) {
    super([problem, ...remedies.map(remedyText)].join('\n'), options);
    this.name = new.target.name;
    this.problem = problem;
    this.remedies = remedies;
  }
}

/** A remedy as a line of an error's message, in terms of the library. */
function remedyText({ text, set, command }: Remedy): string {
  if (command) return `${text}: char-rnn ${command.join(' ')}`;
  if (!set) return `${text}.`;
  const options = Object.entries(set).map(([name, value]) =>
    value === undefined ? `without ${name}` : `${name}: ${JSON.stringify(value)}`,
  );
  return `${text}: ${options.join(', ')}`;
}

/** The program or a function was called in a wrong way: for example, with an unknown flag or without a text. */
export class UsageError extends CharRnnError {
  readonly code: string = 'usage';
}

/** An option's value has the wrong type or is out of range. */
export class OptionError extends UsageError {
  override readonly code = 'option';
  /** The option's name in the library, such as `hiddenSize`. */
  readonly option: string;
  /** The problem without the option's name: `got 0, expected a whole number from 1 to …`. */
  readonly reason: string;

  constructor(option: string, reason: string) {
    super(`${option}: ${reason}`);
    this.option = option;
    this.reason = reason;
  }
}

export type TextErrorCode =
  | 'text-missing'
  | 'text-unreadable'
  | 'text-damaged'
  | 'text-unkept'
  | 'text-empty'
  | 'text-field'
  | 'text-not-utf8'
  | 'text-not-decodable'
  | 'text-packed'
  | 'text-binary'
  | 'text-own-file'
  | 'text-left-out'
  | 'text-one-character'
  | 'text-too-short'
  | 'text-no-training-split'
  | 'text-unknown-character'
  | 'text-not-comparable';

/** A text, to train on, to evaluate or as a prompt, can't be used. */
export class TextError extends CharRnnError {
  readonly code: TextErrorCode;

  constructor(code: TextErrorCode, message: string, options?: CharRnnErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Problems with a Torch7 checkpoint. */
export type Torch7ErrorCode =
  | 'torch7-truncated'
  | 'torch7-malformed'
  | 'torch7-too-large'
  | 'torch7-cycle'
  | 'torch7-vocabulary'
  | 'torch7-unsupported';

export type CheckpointErrorCode =
  | 'checkpoint-missing'
  | 'checkpoint-unreadable'
  | 'checkpoint-empty'
  | 'checkpoint-truncated'
  | 'checkpoint-malformed'
  | 'checkpoint-other-kind'
  | 'checkpoint-newer'
  | 'checkpoint-not-convertible'
  | 'checkpoint-vocabulary'
  | 'checkpoint-other-model'
  | 'checkpoint-not-resumable'
  | 'checkpoint-option'
  | 'checkpoint-other-text'
  | 'checkpoint-unwritable'
  | 'checkpoint-locked'
  | 'checkpoint-save-failed'
  | 'checkpoint-exists'
  | 'checkpoint-export-differs'
  | 'checkpoint-sample-only'
  | Torch7ErrorCode;

/** A checkpoint can't be read, written or used here. */
export class CheckpointError extends CharRnnError {
  readonly code: CheckpointErrorCode;

  constructor(code: CheckpointErrorCode, message: string, options?: CharRnnErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type LogErrorCode = 'log-missing' | 'log-unreadable' | 'log-malformed';

/** The log of a run can't be read. */
export class LogError extends CharRnnError {
  readonly code: LogErrorCode;

  constructor(code: LogErrorCode, message: string, options?: CharRnnErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type SweepErrorCode =
  | 'sweep-exists'
  | 'sweep-missing'
  | 'sweep-newer'
  | 'sweep-other-text'
  | 'sweep-too-short'
  | 'sweep-database'
  | 'sweep-no-result';

/** A sweep can't be started, found or continued. */
export class SweepError extends CharRnnError {
  readonly code: SweepErrorCode;

  constructor(code: SweepErrorCode, message: string, options?: CharRnnErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A model needs more memory than there is. Usually thrown before anything is allocated. */
export class MemoryError extends CharRnnError {
  readonly code = 'memory';
}

/** An engine does not support the requested operation, or this variant of it. */
export class UnsupportedError extends CharRnnError {
  readonly code: string = 'unsupported';
}

/** An engine has lost its device or its threads, and with them its data. A run goes on by itself if it can; otherwise, resume it. */
export class EngineLostError extends CharRnnError {
  readonly code = 'engine-lost';
}

export type AddonErrorCode = 'addon-missing' | 'addon-other-version' | 'addon-unusable' | 'addon-forbidden';

/** The native engine's add-on is missing, was built from other sources than this package's, or can't be loaded. */
export class AddonError extends UnsupportedError {
  override readonly code: AddonErrorCode;

  constructor(code: AddonErrorCode, message: string, options?: CharRnnErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A server can't listen on its address and port. */
export class ListenError extends CharRnnError {
  readonly code = 'listen';
}

export type DivergenceCode = 'loss-not-finite' | 'loss-exploded';

/** Training was stopped because its loss was not finite or more than three times the first. */
export class DivergenceError extends CharRnnError {
  readonly code: DivergenceCode;

  constructor(code: DivergenceCode, message: string, options?: CharRnnErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
