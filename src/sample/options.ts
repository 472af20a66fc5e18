/** The schemas of sampling options (see `train/options.ts`), and the options resolved for a vocabulary. */
import * as z from 'zod/mini';
import type { Vocabulary } from '../data/vocabulary.ts';
import type { DrawPlace } from '../engine/engine.ts';
import { OptionError } from '../errors.ts';
import { checkOptions, type Given } from '../util/check-options.ts';
import { count, option, seed } from '../util/option-info.ts';
import { type Controls, controlNotices, resolveControls } from './choice/controls.ts';
import { controlOptions } from './choice/filters.ts';
import { deviceDrawOptions } from './device-draws.ts';
import type { Constraint } from './form/constraint.ts';
import { formOptions, resolveForm } from './form/form.ts';
import { holdOptions } from './hold.ts';
import { beamOptions, checkBeamOptions } from './search/beam-options.ts';
import { type Limits, limitOptions, resolveLimits } from './stops.ts';

export const generateOptionsSchema = z.strictObject({
  prompt: option(z._default(z.string(), ''), {
    flag: 'primetext',
    aliases: ['prompt', 'prime'],
    group: 'Sampling',
    help: 'the prompt: read first, and printed before the sample',
    value: 'TEXT',
    original: true,
    common: true,
  }),
  ...limitOptions,
  ...controlOptions,
  ...formOptions,
  ...beamOptions,
  ...holdOptions,
  ...deviceDrawOptions,
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
    help: 'what to do with unknown characters of the prompt; auto: take the nearest known one, or stop with an error',
  }),
});

export type GenerateOptions = z.output<typeof generateOptionsSchema>;

/** Additional options of `LanguageModel.samples`. */
export const samplesOptionsSchema = z.strictObject({
  count: option(z._default(count(1), 1), { flag: 'count', group: 'Sampling', help: 'samples wanted' }),
  unique: option(z._default(z.boolean(), false), {
    flag: 'unique',
    group: 'Form of a text',
    help: 'leave out repeated samples',
  }),
  attempts: option(z.optional(count(1)), {
    flag: 'attempts',
    group: 'Form of a text',
    help: 'maximum samples to draw; default: 100 per sample wanted',
  }),
});

export type SamplesOptions = z.output<typeof samplesOptionsSchema>;

export const detailsOptionsSchema = z.strictObject({
  alternatives: option(z.optional(count(0)), {
    flag: 'alternatives',
    group: 'Output',
    help: 'the most likely symbols that the details list',
  }),
});

/** All options of `LanguageModel.complete`. */
export const completeOptionsSchema = z.strictObject({
  count: option(z._default(count(1), 10), { flag: 'count', group: 'Sampling', help: 'words to find' }),
  unknown: option(z._default(z.enum(['auto', 'error', 'skip', 'nearest']), 'auto'), {
    flag: 'unknown',
    group: 'Sampling',
    help: 'what to do with characters of the text that the model does not know; auto: take the nearest known one, or stop with an error',
  }),
});

export type CompleteOptions = z.output<typeof completeOptionsSchema>;

/** Maximum symbols for each line and each word if no length is given. */
const MAX_LINE_LENGTH = 2_000;
const MAX_WORD_LENGTH = 200;
const NO_LIMIT = 2 ** 31 - 1;

/**
 * The sampling options with their defaults filled in. If lines, words or seconds are limited and no length is given, the length is set large
 * enough for them.
 *
 * @throws {OptionError} for the first option that is unknown or out of its range
 */
export function checkGenerateOptions(given: Given<GenerateOptions>): GenerateOptions {
  const options = checkOptions(generateOptionsSchema, given);
  const { lines, words, seconds } = options;
  if (given.length !== undefined) return options;
  const lengths = [
    lines && lines * MAX_LINE_LENGTH,
    words && words * MAX_WORD_LENGTH,
    seconds && NO_LIMIT,
  ].filter((length) => length !== undefined);
  return lengths.length === 0 ? options : { ...options, length: Math.min(...lengths, NO_LIMIT) };
}

/** Sampling options resolved for a vocabulary, shared by all texts of a call. */
export interface SamplingPlan {
  readonly controls: Controls;
  readonly limits: Limits;
  /** A line for each character or stop text that can never occur. */
  readonly notices: readonly string[];
  /** Makes the constraint of a new text; undefined if any text is allowed. */
  readonly form: (() => Constraint) | undefined;
  /** Hypotheses of a beam search; 0: sample instead. */
  readonly beam: number;
  readonly beamNorm: number;
  readonly draws: DrawPlace;
}

/** @throws {OptionError} for options that contradict each other, or that the vocabulary does not allow */
export function planSampling(vocabulary: Vocabulary, options: GenerateOptions): SamplingPlan {
  const controls = resolveControls(vocabulary, options);
  const limits = resolveLimits(vocabulary, options);
  const form = resolveForm(vocabulary, options, controls, options.length);
  if (options.beam > 0) checkBeamOptions(options);
  if (form) {
    // These would cut a text off before it matches.
    const { lines, words } = options;
    const clash = Object.entries({ lines, words, stop: limits.stops[0] }).find(
      ([, value]) => value !== undefined,
    );
    const name = options.match === undefined ? 'template' : 'match';
    if (clash)
      throw new OptionError(
        clash[0],
        `it cannot be combined with \`${name}\`, which determines where the text ends`,
      );
  }
  const notices = [...controlNotices(vocabulary, options), ...limits.notices];
  return {
    controls,
    limits,
    notices,
    form,
    beam: options.beam,
    beamNorm: options.beamNorm,
    draws: options.draws,
  };
}
