/** Checks that a run can be resumed from a checkpoint with the given options and text. */

import type { Checkpoint, TrainedCheckpoint, TrainingState } from '../../checkpoint/checkpoint.ts';
import { malformed } from '../../checkpoint/errors.ts';
import type { RunTexts } from '../../data/files/known-text.ts';
import { UPDATE_RULES } from '../../engine/update-rules.ts';
import { CheckpointError, OptionError, type Remedy, TextError } from '../../errors.ts';
import type { Given } from '../../util/check-options.ts';
import { isGiven, type OptionOrigins, optionsFrom } from '../../util/option-origins.ts';
import {
  checkTrainingOptions,
  modelOptions,
  resolveTrainingOptions,
  type TrainingOptions,
  trainingOptionsSchema,
} from '../options.ts';
import { keptEngine } from './kept-engine.ts';

/** Options that determine the model's shape, its state or the training text. They can't change during a run. */
const FIXED_OPTIONS = [
  ...['cell', 'hiddenSize', 'layers', 'gruReset', 'embeddingSize', 'precision'],
  ...[
    'tokens',
    'encoding',
    'lineEnds',
    'field',
    'normalize',
    'minCount',
    'separator',
    'split',
    'trainFraction',
    'validationFraction',
  ],
  ...['optimizer', 'accumulate', 'randomOffset', 'randomLength'],
] as const;

/** Whether an option can't change during a run. The seed can't if it decides where the text is cut: the carried state is that of a place. */
function isFixed(option: string, { randomOffset, randomLength }: TrainingOptions): boolean {
  if (option === 'seed') return randomOffset || randomLength;
  return (FIXED_OPTIONS as readonly string[]).includes(option);
}

/** The plan of a resumed run, before its text is read. */
export interface Resumption {
  readonly options: TrainingOptions;
  readonly origins: OptionOrigins;
  readonly checkpoint: TrainedCheckpoint;
  /** Options that were changed on purpose, one line each. */
  readonly notices: readonly string[];
}

/**
 * Checks that a checkpoint has a training state.
 *
 * @param hasText Whether the user has named a text, so that the remedy need not ask for one.
 * @throws {CheckpointError} `checkpoint-not-resumable` for a model without a training state
 */
export function requireTrainingState(
  checkpoint: Checkpoint,
  name: string,
  hasText = false,
): TrainedCheckpoint {
  if (checkpoint.training) return checkpoint as TrainedCheckpoint;
  const types = [...new Set(checkpoint.weightTypes)].join(' and ');
  const why = types && ` It holds its parameters as ${types}, not the exact ones of a run.`;
  throw new CheckpointError(
    'checkpoint-not-resumable',
    `${name} is a model to use: it has no training state to resume.${why}`,
    {
      remedies: [
        hasText
          ? { text: 'To start from its weights', set: { resume: undefined, initFrom: name } }
          : {
              text: 'To start from its weights, with a text such as book.txt',
              command: ['train', 'book.txt', '--init-from', name],
            },
      ],
    },
  );
}

/**
 * The options of a resumed run: those of the checkpoint, overridden by those given now.
 *
 * @param name The name of the checkpoint in messages.
 * @param givenOrigins Where the options given now come from. Default: flags.
 * @throws {OptionError} for an invalid value
 * @throws {CheckpointError} `checkpoint-option` for an option that can't change during a run
 */
export function resumedOptions(
  given: Given<TrainingOptions>,
  checkpoint: TrainedCheckpoint,
  name: string,
  givenOrigins?: OptionOrigins,
): Resumption {
  const stored = knownOptions(checkpoint.training);
  const before = storedTrainingOptions(checkpoint.training, name);
  checkFit(before, checkpoint, name);
  const { values: options, origins } = resolveTrainingOptions(
    optionsFrom('checkpoint', { ...stored, fit: undefined, preset: undefined, time: undefined }),
    optionsFrom('flag', given, givenOrigins),
  );
  const changed = (Object.keys(given) as (keyof TrainingOptions)[]).filter(
    (key) => given[key] !== undefined && options[key] !== before[key],
  );
  const fixed = changed.filter((key) => isFixed(key, before));
  if (fixed.length > 0) {
    const list = fixed
      .map((key) => `\`${key}\` is ${formatValue(before[key])}, not ${formatValue(options[key])}`)
      .join('; ');
    throw new CheckpointError('checkpoint-option', `${name}: ${list}. That can't change during a run.`, {
      remedies: [
        {
          text: 'Resume the run as it is',
          set: Object.fromEntries(fixed.map((key) => [key, undefined])),
        },
        ...newRunRemedy(name, checkpoint.training.text?.paths),
      ],
    });
  }
  const notices = changed
    .filter((key) => key !== 'threads' && isGiven(key, origins))
    .map((key) => {
      const [now, was] = [formatValue(options[key]), formatValue(before[key])];
      return `resumed with another \`${key}\`: ${now}, was ${was}`;
    });
  return { options: { ...options, ...keptEngine(options, origins) }, origins, checkpoint, notices };
}

/** An option's value in a message. */
function formatValue(value: TrainingOptions[keyof TrainingOptions]): string {
  return value === undefined ? 'none' : String(value).replaceAll('\n', '\\n');
}

/** A remedy that starts a new run from the weights of a checkpoint. */
function newRunRemedy(name: string, paths: readonly string[] | undefined): Remedy[] {
  if (paths === undefined) return [];
  return [{ text: 'Start a new run from its weights', command: ['train', ...paths, '--init-from', name] }];
}

/** The stored options that this version knows, without `threads`. */
function knownOptions({ options }: TrainingState): Record<string, unknown> {
  const known = Object.entries(options).filter(([key]) => Object.hasOwn(trainingOptionsSchema.shape, key));
  // Results do not depend on the number of threads, and another machine may have another number of processors.
  return Object.fromEntries(known.filter(([key]) => key !== 'threads'));
}

/**
 * The options that a checkpoint stores, with defaults for those that it lacks.
 *
 * @throws {CheckpointError} `checkpoint-malformed` for an invalid value
 */
export function storedTrainingOptions(training: TrainingState, name: string): TrainingOptions {
  try {
    return checkTrainingOptions(knownOptions(training));
  } catch (error) {
    if (error instanceof OptionError) throw malformed(name, `its option ${error.message}`);
    throw error;
  }
}

/** Checks that the stored options agree with the stored model and state. If not, the file was tampered with. */
function checkFit(
  options: TrainingOptions,
  { config, precision, training }: TrainedCheckpoint,
  name: string,
): void {
  const facts = { ...modelOptions(config), precision, batchSize: training.batchSize };
  for (const [key, fact] of Object.entries(facts)) {
    const option = options[key as keyof TrainingOptions];
    if (option !== fact) throw malformed(name, `its option ${key} is ${option}, but its model has ${fact}`);
  }
  const { title, moments } = UPDATE_RULES[options.optimizer];
  if (training.moments.length !== moments) {
    throw malformed(name, `it has ${training.moments.length} moments, but ${title} has ${moments}`);
  }
  if (options.average === 'none' && (training.average || training.stability?.good?.average))
    throw malformed(name, 'it has an average of the weights, but its option average is none');
}

/** @throws {OptionError} if the checkpoint belongs to another run than the one named */
export function checkSameRun(runId: string | undefined, resumed: string, checkpoint: string): void {
  if (runId === undefined || runId === resumed) return;
  throw new OptionError('runId', `got ${JSON.stringify(runId)}, but ${checkpoint} is of the run ${resumed}`);
}

/**
 * Checks that a resumed run has held-out files if and only if the run had them: they decide what is trained on.
 *
 * @throws {CheckpointError} `checkpoint-option` if not
 */
export function checkSameHeldOut(
  given: { readonly text?: unknown; readonly validation?: unknown; readonly test?: unknown },
  { training: { text } }: TrainedCheckpoint,
  name: string,
): void {
  if (!text) return;
  const had = text.validPath !== undefined || text.testPath !== undefined;
  const has = given.text === undefined && (had || given.validation !== undefined || given.test !== undefined);
  if (had === has) return;
  throw new CheckpointError(
    'checkpoint-option',
    has
      ? `${name}: the run holds out a part of its text; with a validation or test file, it would train on all of it. That can't change during a run.`
      : `${name}: the run has a file to validate or test on, which goes with \`textFile\`, not with \`text\`.`,
  );
}

/** @throws {CheckpointError} `checkpoint-other-text` unless the text is the training text of the run */
export function checkSameText(
  text: { readonly name: string; readonly sha256: string },
  checkpoint: TrainedCheckpoint,
  name: string,
): void {
  const known = checkpoint.training.text;
  if (!known || known.sha256 === text.sha256) return;
  throw new CheckpointError(
    'checkpoint-other-text',
    `${text.name} is not the text that ${name} was trained on (SHA-256 ${text.sha256.slice(0, 16)}…, expected ${known.sha256.slice(0, 16)}…).`,
    { remedies: [otherTextRemedy(name)] },
  );
}

/**
 * Checks the held-out texts of a resumed run whose texts are in memory.
 *
 * @throws {CheckpointError} `checkpoint-other-text` unless they are the held-out texts of the run
 */
export function checkSameHeldOutTexts(texts: RunTexts, { training }: TrainedCheckpoint, name: string): void {
  for (const role of ['validation', 'test'] as const) {
    if (!training.text || texts[role]?.sha256 === training.text[role]?.sha256) continue;
    throw new CheckpointError(
      'checkpoint-other-text',
      `the ${role} text is not the one that ${name} was trained with.`,
      { remedies: [otherTextRemedy(name)] },
    );
  }
}

/** Adds a remedy to an error in the text of a resumed run, if the error is a character that is not in the run's vocabulary. */
export function errorOfRun(error: unknown, checkpoint: string): unknown {
  if (!(error instanceof TextError) || error.code !== 'text-unknown-character') return error;
  const [place] = error.message.split('\n');
  return new TextError(error.code, `${place}\nA run continues with the text that it began with.`, {
    cause: error,
    remedies: [otherTextRemedy(checkpoint)],
  });
}

/** A remedy that trains on another text, from the weights of a checkpoint. */
export function otherTextRemedy(name: string): Remedy {
  return {
    text: 'To train on another text from these weights',
    set: { resume: undefined, initFrom: name, initVocabulary: 'extend' },
  };
}
