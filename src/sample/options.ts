/** The schema of sampling options, and what they come to over a vocabulary; see `train/options.ts`. */
import * as z from 'zod/mini';
import type { Vocabulary } from '../data/vocabulary.ts';
import { OptionError } from '../errors.ts';
import { checkOptions, type Given } from '../util/check-options.ts';
import { option, seed } from '../util/option-info.ts';
import { type Controls, controlNotices, resolveControls } from './choice/controls.ts';
import { controlOptions } from './choice/filters.ts';
import type { Constraint } from './form/constraint.ts';
import { formOptions, resolveForm } from './form/form.ts';
import { beamOptions, checkBeamOptions } from './search/beam.ts';
import { type Limits, limitOptions, resolveLimits } from './stops.ts';

export const generateOptionsSchema = z.strictObject({
  prompt: option(z._default(z.string(), ''), {
    flag: 'primetext',
    aliases: ['prompt', 'prime'],
    group: 'Sampling',
    help: 'text that the model reads first; echoed before the sample',
    value: 'TEXT',
    original: true,
    common: true,
  }),
  ...limitOptions,
  ...controlOptions,
  ...formOptions,
  ...beamOptions,
  seed: option(z._default(seed(), 123), {
    flag: 'seed',
    group: 'Sampling',
    help: 'seed of the random numbers',
    original: true,
    common: true,
  }),
  unknown: option(z._default(z.enum(['auto', 'error', 'skip', 'nearest']), 'auto'), {
    flag: 'unknown',
    group: 'Sampling',
    help: 'unknown characters of the prime text; auto: the nearest known one, else an error',
  }),
});

export type GenerateOptions = z.output<typeof generateOptionsSchema>;

/** Symbols that a line or a word is given at most, where the length is not said. */
const LINE_LENGTH = 2_000;
const WORD_LENGTH = 200;
const NO_LIMIT = 2 ** 31 - 1;

/**
 * The sampling options with their defaults filled in. Where lines, words or seconds are limited, a length that is not given is one
 * that leaves them room.
 *
 * @throws {OptionError} for the first option that is unknown or out of its range.
 */
export function checkGenerateOptions(given: Given<GenerateOptions>): GenerateOptions {
  const options = checkOptions(generateOptionsSchema, given);
  const { lines, words, seconds } = options;
  if (given.length !== undefined) return options;
  const room = [lines && lines * LINE_LENGTH, words && words * WORD_LENGTH, seconds && NO_LIMIT].filter(
    (length) => length !== undefined,
  );
  return room.length === 0 ? options : { ...options, length: Math.min(...room, NO_LIMIT) };
}

/** What the options come to over a vocabulary; the same for all texts that share them. */
export interface SamplingPlan {
  readonly controls: Controls;
  readonly limits: Limits;
  /** What can never come, in a line each. */
  readonly notices: readonly string[];
  /** What begins a text of the form asked for. */
  readonly form: (() => Constraint) | undefined;
  /** Texts that a beam search follows; 0 draws. */
  readonly beam: number;
  readonly beamNorm: number;
}

/** @throws {OptionError} for options that contradict each other, or that the vocabulary does not allow */
export function planSampling(vocabulary: Vocabulary, options: GenerateOptions): SamplingPlan {
  const controls = resolveControls(vocabulary, options);
  const limits = resolveLimits(vocabulary, options);
  const form = resolveForm(vocabulary, options, controls, options.length);
  if (options.beam > 0) checkBeamOptions(options);
  if (form) {
    // They would cut a text before it has its form.
    const { lines, words } = options;
    const clash = Object.entries({ lines, words, stop: limits.stops[0] }).find(
      ([, value]) => value !== undefined,
    );
    const name = options.match === undefined ? 'template' : 'match';
    if (clash)
      throw new OptionError(clash[0], `it can not be combined with ${name}, which says where the text ends`);
  }
  const notices = [...controlNotices(vocabulary, options), ...limits.notices];
  return { controls, limits, notices, form, beam: options.beam, beamNorm: options.beamNorm };
}
