/** The schema of sampling options; see `train/options.ts`. */
import * as z from 'zod/mini';
import { checkOptions } from '../util/check-options.ts';
import { count, option, seed } from '../util/option-info.ts';

export const generateOptionsSchema = z.strictObject({
  prompt: option(z._default(z.string(), ''), {
    flag: 'primetext',
    group: 'Sampling',
    help: 'text that the model reads first; echoed before the sample',
    value: 'TEXT',
    original: true,
    common: true,
  }),
  length: option(z._default(count(0), 2000), {
    flag: 'length',
    group: 'Sampling',
    help: 'symbols to generate, the prime text not counted',
    original: true,
    common: true,
  }),
  temperature: option(z._default(z.number().check(z.minimum(0)), 1), {
    flag: 'temperature',
    group: 'Sampling',
    help: 'below 1 safer, above 1 more daring; 0 takes the most likely symbol each time',
    original: true,
    common: true,
  }),
  seed: option(z._default(seed(), 123), {
    flag: 'seed',
    group: 'Sampling',
    help: 'seed of the random numbers',
    original: true,
    common: true,
  }),
  unknown: option(z._default(z.enum(['error', 'skip', 'nearest']), 'error'), {
    flag: 'unknown',
    group: 'Sampling',
    help: 'what to do with a character of the prime text that the model does not know',
  }),
});

export type GenerateOptions = z.output<typeof generateOptionsSchema>;
export type GenerateOptionsInput = z.input<typeof generateOptionsSchema>;

/**
 * The sampling options with their defaults filled in.
 *
 * @throws {OptionError} for the first option that is unknown or out of its range.
 */
export function checkGenerateOptions(input: GenerateOptionsInput): GenerateOptions {
  return checkOptions(generateOptionsSchema, input);
}
