/** The schema of the scoring options; see `train/options.ts`. */
import * as z from 'zod/mini';
import { OptionError } from '../errors.ts';
import { checkOptions, type Given } from '../util/check-options.ts';
import { option, positive } from '../util/option-info.ts';

/** More rows are not faster. */
export const MAX_ROWS = 256;

export const scoreOptionsSchema = z.strictObject({
  rows: option(z._default(z.int().check(z.minimum(1), z.maximum(MAX_ROWS)), 1), {
    flag: 'rows',
    group: 'Scoring',
    help: 'cut the text into N rows, each starting with an empty memory, and score them in parallel: faster, but the start of each row is predicted slightly worse',
  }),
  unknown: option(z._default(z.enum(['error', 'skip', 'nearest']), 'nearest'), {
    flag: 'unknown',
    group: 'Scoring',
    help: 'a character that the model does not know: stop with an error, skip it, or replace it with the nearest known one, if any',
  }),
});

/**
 * Default step sizes of dynamic evaluation: with the mean squared gradient of the training text, and with a running mean of the text that
 * is read.
 */
export const DYNAMIC_RATES = { training: 2.5e-4, running: 6e-4 } as const;

/** The range of a temperature: beyond it, weights might overflow. */
const TEMPERATURES = { minimum: 0.01, maximum: 100 } as const;

/** The options of scoring one text with one model. */
export const textScoreOptionsSchema = z.strictObject({
  ...scoreOptionsSchema.shape,
  temperature: option(
    z._default(z.number().check(z.minimum(TEMPERATURES.minimum), z.maximum(TEMPERATURES.maximum)), 1),
    {
      flag: 'temperature',
      group: 'Scoring',
      help: 'divide the logits by this; a number above 1 lowers the loss of an overconfident model',
    },
  ),
  dynamic: option(z._default(z.boolean(), false), {
    flag: 'dynamic',
    group: 'Scoring',
    help: 'also measure the loss of dynamic evaluation, in which the weights adapt to the text as it is read',
    common: true,
  }),
  dynamicRate: option(z.optional(positive()), {
    flag: 'dynamic_rate',
    group: 'Scoring',
    help: `step size of --dynamic; default: ${DYNAMIC_RATES.training} with statistics of the training text, else ${DYNAMIC_RATES.running}`,
  }),
});

export type ScoreOptions = z.output<typeof scoreOptionsSchema>;

export type TextScoreOptions = z.output<typeof textScoreOptionsSchema>;

export interface ScoreInput extends Given<TextScoreOptions> {
  /** How many of the most likely symbols to list in the details of each symbol. Default: no details. */
  readonly alternatives?: number | undefined;
  /** When it is aborted, scoring throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called with a message about characters of the text that were left out. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

/** For `LanguageModel.withMeanSquare`. */
export interface StatisticsInput extends Pick<ScoreInput, 'unknown' | 'signal' | 'onNotice'> {
  /** Called with the fraction that is done, from 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/** For `LanguageModel.fitTemperature`. */
export interface TemperatureInput extends Pick<ScoreInput, 'rows' | 'unknown' | 'signal' | 'onNotice'> {
  /** Called with the fraction of the text that is read, from 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/**
 * Checks scoring options and fills in the defaults.
 *
 * @throws {OptionError} for the first option that is unknown or out of range
 */
export function checkScoreOptions(given: Given<ScoreOptions>): ScoreOptions {
  return checkOptions(scoreOptionsSchema, given);
}

/**
 * The same for the options of scoring one text with one model.
 *
 * @throws {OptionError} also for a temperature with dynamic evaluation, whose step size and statistics are for the model's own logits
 */
export function checkTextScoreOptions(given: Given<TextScoreOptions>): TextScoreOptions {
  const options = checkOptions(textScoreOptionsSchema, given);
  if (options.dynamic && options.temperature !== 1) {
    throw new OptionError('temperature', `got ${options.temperature}, expected 1 with \`dynamic\``);
  }
  return options;
}
