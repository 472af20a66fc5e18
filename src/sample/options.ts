/** The schema of sampling options; see `train/options.ts`. */
import * as z from 'zod/mini';
import { checkOptions } from '../util/check-options.ts';
import { option, seed } from '../util/option-info.ts';
import { controlOptions } from './controls.ts';
import { limitOptions } from './stops.ts';

export const generateOptionsSchema = z.strictObject({
  prompt: option(z._default(z.string(), ''), {
    flag: 'primetext',
    group: 'Sampling',
    help: 'text that the model reads first; echoed before the sample',
    value: 'TEXT',
    original: true,
    common: true,
  }),
  length: limitOptions.length,
  temperature: controlOptions.temperature,
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
