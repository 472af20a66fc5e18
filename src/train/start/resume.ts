/** From a checkpoint back to the run that wrote it. */

import type { Checkpoint, TrainedCheckpoint, TrainingState } from '../../checkpoint/checkpoint.ts';
import { malformed } from '../../checkpoint/errors.ts';
import type { RunTexts } from '../../data/files/known-text.ts';
import { UPDATE_RULES } from '../../engine/update-rules.ts';
import { CheckpointError, OptionError, type Remedy, TextError } from '../../errors.ts';
import type { Given } from '../../util/check-options.ts';
import { type OptionOrigins, optionsFrom } from '../../util/option-origins.ts';
import {
  checkTrainingOptions,
  modelOptions,
  resolveTrainingOptions,
  type TrainingOptions,
  trainingOptionsSchema,
} from '../options.ts';

/** Options that decide on the shape of a run's model and the text that it learns from. They can't change during a run. */
const FIXED = [
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
  'optimizer',
] as const;

export interface Resumption {
  readonly options: TrainingOptions;
  readonly origins: OptionOrigins;
  readonly checkpoint: TrainedCheckpoint;
  /** What was changed knowingly, in a line each. */
  readonly notices: readonly string[];
}

/**
 * @param hasText Whether a text is named, from which a new run could start.
 * @throws {CheckpointError} for a model without a training state
 */
export function requireTrainingState(
  checkpoint: Checkpoint,
  name: string,
  hasText = false,
): TrainedCheckpoint {
  if (checkpoint.training) return checkpoint as TrainedCheckpoint;
  throw new CheckpointError(
    'checkpoint-not-resumable',
    `${name} is a model to use: it has no training state to resume.`,
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
 * The options of a resumed run: those of the checkpoint, with what is given now.
 *
 * @param name What to call the checkpoint in messages.
 * @param givenOrigins Where the options come from that are given now, if not from flags.
 * @throws {OptionError} for a value that does not fit
 * @throws {CheckpointError} `checkpoint-option` for an option that can't be changed in the middle of a run
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
    optionsFrom('checkpoint', { ...stored, fit: undefined }),
    optionsFrom('flag', given, givenOrigins),
  );
  const changed = (Object.keys(given) as (keyof TrainingOptions)[]).filter(
    (key) => given[key] !== undefined && options[key] !== before[key],
  );
  const fixed = changed.filter((key) => (FIXED as readonly string[]).includes(key));
  if (fixed.length > 0) {
    const list = fixed
      .map((key) => `\`${key}\` is ${shown(before[key])}, not ${shown(options[key])}`)
      .join('; ');
    throw new CheckpointError('checkpoint-option', `${name}: ${list}. That can't change during a run.`, {
      remedies: [
        {
          text: 'Resume the run as it is',
          set: Object.fromEntries(fixed.map((key) => [key, undefined])),
        },
        ...newRun(name, checkpoint.training.text?.paths),
      ],
    });
  }
  const notices = changed
    .filter((key) => key !== 'threads')
    .map((key) => `resumed with another \`${key}\`: ${shown(options[key])}, was ${shown(before[key])}`);
  return { options, origins, checkpoint, notices };
}

/** A value of an option in a message. */
function shown(value: TrainingOptions[keyof TrainingOptions]): string {
  return value === undefined ? 'none' : String(value).replaceAll('\n', '\\n');
}

/** A new run from the weights of a checkpoint. */
function newRun(name: string, paths: readonly string[] | undefined): Remedy[] {
  if (paths === undefined) return [];
  return [{ text: 'Start a new run from its weights', command: ['train', ...paths, '--init-from', name] }];
}

/** The stored options that there still are. */
function knownOptions({ options }: TrainingState): Record<string, unknown> {
  const known = Object.entries(options).filter(([key]) => Object.hasOwn(trainingOptionsSchema.shape, key));
  // Another machine has another number of processors; results do not depend on it.
  return Object.fromEntries(known.filter(([key]) => key !== 'threads'));
}

/**
 * The options that a run had.
 *
 * @throws {CheckpointError} `checkpoint-malformed`
 */
export function storedTrainingOptions(training: TrainingState, name: string): TrainingOptions {
  try {
    return checkTrainingOptions(knownOptions(training));
  } catch (error) {
    if (error instanceof OptionError) throw malformed(name, `its option ${error.message}`);
    throw error;
  }
}

/** The options of a run made its model and its state: where they disagree one of them was changed since. */
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
}

/** @throws {OptionError} if the checkpoint is of another run than the named one */
export function checkSameRun(runId: string | undefined, resumed: string, checkpoint: string): void {
  if (runId === undefined || runId === resumed) return;
  throw new OptionError('runId', `got ${JSON.stringify(runId)}, but ${checkpoint} is of the run ${resumed}`);
}

/**
 * @param given A validation or test file that is named now.
 * @throws {CheckpointError} `checkpoint-option` where it changes what is trained on
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
      ? `${name}: the run holds out a part of its text; with a validation or test file, it would train on all of it. That can't change in the middle of a run.`
      : `${name}: the run has a file to validate or test on, which goes with \`textFile\`, not with \`text\`.`,
  );
}

/** @throws {CheckpointError} `checkpoint-other-text` unless the text is the one that the run was trained on */
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
 * @param texts Those that are held out now, given themselves.
 * @throws {CheckpointError} `checkpoint-other-text` unless they are those that the run holds out
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

/** An error of a text that is given itself, where a run goes on. */
export function errorOfRun(error: unknown, checkpoint: string): unknown {
  if (!(error instanceof TextError) || error.code !== 'text-unknown-character') return error;
  const [place] = error.message.split('\n');
  return new TextError(error.code, `${place}\nA run goes on with the text that it began with.`, {
    cause: error,
    remedies: [otherTextRemedy(checkpoint)],
  });
}

/** How to train on a text that is not the run's. @param name The checkpoint. */
export function otherTextRemedy(name: string): Remedy {
  return {
    text: 'To train on another text from these weights',
    set: { resume: undefined, initFrom: name, initVocabulary: 'extend' },
  };
}
