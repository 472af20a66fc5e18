/** The schema of the scoring options; see `train/options.ts`. */
import * as z from 'zod/mini';
import { checkOptions, type Given } from '../util/check-options.ts';
import { option } from '../util/option-info.ts';

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
    help: 'a character that the model does not know: stop with an error, skip it, or replace it by the nearest known one, if any',
  }),
});

export type ScoreOptions = z.output<typeof scoreOptionsSchema>;

export interface ScoreInput extends Given<ScoreOptions> {
  /** When it is aborted, scoring throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called with a message about characters of the text that were left out. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

/**
 * Checks scoring options and fills in the defaults.
 *
 * @throws {OptionError} for the first option that is unknown or out of range
 */
export function checkScoreOptions(given: Given<ScoreOptions>): ScoreOptions {
  return checkOptions(scoreOptionsSchema, given);
}
