/** Training options by the names that a sweep may use for them, and which of them a sweep may set or search. */
import type * as z from 'zod/mini';
import { OptionError, UsageError } from '../errors.ts';
import { type TrainingOptions, trainingOptionsSchema } from '../train/options.ts';
import { checkOptions, describeType } from '../util/check-options.ts';
import { infoOf } from '../util/option-info.ts';
import { suggest } from '../util/suggest.ts';
import type { ParameterValue } from './space.ts';

type OptionName = keyof TrainingOptions;

/** Options that a sweep sets itself, with the reason. */
const OWN: Partial<Record<OptionName, string>> = {
  preset: 'a preset chooses its own settings',
  time: 'the time is for a preset, which chooses its own settings',
  fit: 'it changes the settings of a trial',
  saveName: 'the trials have numbers',
  keep: 'a trial keeps its newest checkpoint and its best',
};
/** Options that are the same for all trials, because otherwise their losses could not be compared. */
const BUDGET: ReadonlySet<OptionName> = new Set(['maxEpochs', 'maxIterations', 'evaluateEvery']);

const shape = trainingOptionsSchema.shape as Record<OptionName, z.core.$ZodType>;
const keys = Object.keys(shape) as OptionName[];
const keyByName = new Map(
  keys.flatMap((key) => {
    const { flag, aliases = [] } = infoOf(shape[key]);
    return [key, flag, ...aliases].map((name) => [name, key] as const);
  }),
);

/** The option with this name, in any of the forms that `optionNamed` takes; undefined for an unknown name. */
export function findOption(name: string): OptionName | undefined {
  return keyByName.get(name) ?? keyByName.get(name.replaceAll('-', '_'));
}

/**
 * The option that a name stands for: `hiddenSize`, `rnn_size`, `rnn-size` or another name of the flag.
 *
 * @throws {UsageError} for an unknown name, or an option that a sweep sets itself
 */
export function optionNamed(name: string, where: string): OptionName {
  const key = findOption(name);
  if (key === undefined) {
    const close = suggest(name.replaceAll('-', '_'), keyByName.keys());
    const hint = close === undefined ? '' : ` Did you mean ${close}?`;
    throw new UsageError(`${where}there is no training option ${JSON.stringify(name)}.${hint}`);
  }
  const reason = OWN[key];
  if (reason !== undefined) throw new UsageError(`${where}${name} can't be set in a sweep: ${reason}.`);
  return key;
}

/** @throws {UsageError} for an option that must be the same for all trials */
export function checkSearchable(key: OptionName, name: string, where: string): void {
  const { group } = infoOf(shape[key]);
  if (BUDGET.has(key))
    throw new UsageError(`${where}${name} must have one value: it is the length of all trials.`);
  if (group !== 'Model' && group !== 'Training')
    throw new UsageError(
      `${where}${name} must have one value: only options of the model and of training can differ between trials.`,
    );
}

/** The name of an option's flag, without dashes: `rnn_size`. */
export function flagNameOf(key: string): string {
  const type = shape[key as OptionName];
  return type ? infoOf(type).flag : key;
}

/** The flag of a training option by any of its names; undefined for other names, and for options that a sweep sets itself. */
export function flagOfTraining(name: string): string | undefined {
  const key = keyByName.get(name);
  return key === undefined || OWN[key] !== undefined ? undefined : flagNameOf(key);
}

export function isWhole(key: OptionName): boolean {
  return describeType(shape[key]).kind === 'integer';
}

export function isNumber(key: OptionName): boolean {
  return isWhole(key) || describeType(shape[key]).kind === 'number';
}

/** @throws {UsageError} for a value that the option can't have */
export function checkValue(key: OptionName, value: unknown, name: string, where: string): ParameterValue {
  const given = { [key]: value } as z.input<typeof trainingOptionsSchema>;
  try {
    checkOptions(trainingOptionsSchema, given);
  } catch (error) {
    if (error instanceof OptionError) throw new UsageError(`${where}${name}: ${error.reason}`);
    throw error;
  }
  return value as ParameterValue;
}
