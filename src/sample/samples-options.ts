/** The schemas of what `samples` and `complete` take beside the sampling options; see `train/options.ts`. */
import * as z from 'zod/mini';
import type { Given } from '../util/check-options.ts';
import { count, option } from '../util/option-info.ts';

export const samplesOptionsSchema = z.strictObject({
  count: option(z._default(count(1), 1), { flag: 'count', group: 'Sampling', help: 'samples wanted' }),
  unique: option(z._default(z.boolean(), false), {
    flag: 'unique',
    group: 'Form',
    help: 'leave out repeated samples',
  }),
  attempts: option(z.optional(count(1)), {
    flag: 'attempts',
    group: 'Form',
    help: 'most samples to draw; default: 100 for each one wanted',
  }),
});

export type SamplesOptions = z.output<typeof samplesOptionsSchema>;

export const detailsOptionsSchema = z.strictObject({
  alternatives: option(z.optional(count(0)), {
    flag: 'alternatives',
    group: 'Output',
    help: 'likeliest symbols that the details name',
  }),
});

export const completeOptionsSchema = z.strictObject({
  count: option(z._default(count(1), 10), { flag: 'count', group: 'Sampling', help: 'words to find' }),
  unknown: option(z._default(z.enum(['auto', 'error', 'skip', 'nearest']), 'auto'), {
    flag: 'unknown',
    group: 'Sampling',
    help: 'characters of the text that the model does not know; auto: the nearest known one, else an error',
  }),
});

export type CompleteOptions = z.output<typeof completeOptionsSchema>;

export interface CompleteInput extends Given<CompleteOptions> {
  /** Ends the search with the signal's reason as an error. */
  readonly signal?: AbortSignal | undefined;
  /** Told of characters of the text that were left out or replaced. */
  readonly onNotice?: ((message: string) => void) | undefined;
}
