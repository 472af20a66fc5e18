/** What a sweep searches. It is checked as a whole, before anything starts. */
import { UsageError } from '../errors.ts';
import { checkTrainingOptions, type TrainingOptions } from '../train/options.ts';
import { kindOf } from '../util/check-content.ts';
import type { Given } from '../util/check-options.ts';
import { suggest } from '../util/suggest.ts';
import type { Halving } from './schedule.ts';
import { METHODS, type Method } from './search.ts';
import { type Dimension, isList, type Parameters, type ParameterValue, type Space, sizeOf } from './space.ts';
import {
  checkSearchable,
  checkValue,
  findOption,
  isNumber,
  isWhole,
  optionNamed,
} from './training-option.ts';

/** One parameter, in the terms of Weights & Biases. */
export interface GivenParameter {
  readonly value?: ParameterValue | undefined;
  readonly values?: readonly ParameterValue[] | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** Default: `int_uniform` for whole numbers, `uniform` for others. */
  readonly distribution?: Distribution | undefined;
}

export type Distribution =
  | 'constant'
  | 'categorical'
  | 'uniform'
  | 'int_uniform'
  | 'log_uniform_values'
  | (string & {});

/** A sweep as a caller gives it. */
export interface GivenDefinition {
  /** By the names of training options or of their flags. */
  readonly parameters: Readonly<Record<string, GivenParameter>>;
  /** Options that all trials have. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** Default: `grid` if all parameters are lists and `trials` is not given, otherwise `random`. */
  readonly method?: Method | undefined;
  /** Default: all points of a grid, 20 at random. */
  readonly trials?: number | undefined;
  /** Seed of the search, not of the training runs. Default: 1. */
  readonly seed?: number | undefined;
  /** Rungs of successive halving; 1 trains all trials to the end. Default: 3 for `random`, 1 for `grid`. */
  readonly rungs?: number | undefined;
  /** One trial in `eta` continues to the next rung. Default: 3. */
  readonly eta?: number | undefined;
}

/** A checked definition. */
export interface SweepDefinition extends Halving {
  readonly method: Method;
  readonly seed: number;
  readonly space: Space;
  readonly options: Given<TrainingOptions>;
}

export interface CheckedDefinition extends SweepDefinition {
  readonly trials: number;
}

const DEFAULT_TRIALS = 20;
export const MAX_TRIALS = 100_000;
export const MAX_RUNGS = 10;
export const MAX_ETA = 100;

/**
 * Checks a definition and fills in the defaults.
 *
 * @param where Where it comes from, for messages: `sweep.yaml: `.
 * @throws {UsageError} for the first mistake
 */
export function checkDefinition(given: GivenDefinition, where = 'sweep: '): CheckedDefinition {
  const { parameters, seed = 1, eta = 3 } = given;
  const { space, fixed, names } = checkParameters(parameters, where);
  const options = { ...checkFixed(given.options ?? {}, names, where), ...fixed };
  if (Object.keys(space).length === 0)
    throw new UsageError(`${where}there is nothing to search: give at least one parameter several values.`);
  const size = sizeOf(space);
  const method = given.method ?? (Number.isFinite(size) && given.trials === undefined ? 'grid' : 'random');
  if (!METHODS.includes(method))
    throw new UsageError(`${where}method: got ${shown(method)}, expected ${METHODS.join(' or ')}`);
  const range = Object.entries(space).find(([, dimension]) => !isList(dimension));
  if (method === 'grid' && range)
    throw new UsageError(`${where}a grid needs lists of values, and ${range[0]} is a range. Use random.`);
  const trials = whole(
    'trials',
    given.trials ?? Math.min(size, method === 'grid' ? MAX_TRIALS : DEFAULT_TRIALS),
    [1, MAX_TRIALS],
    where,
  );
  if (method === 'grid' && given.trials === undefined && size > MAX_TRIALS)
    throw new UsageError(`${where}the grid has ${size} points: more than ${MAX_TRIALS}. Use random.`);
  checkRoom(space, trials, where);
  const definition = {
    ...{ method, space, options, trials },
    seed: whole('seed', seed, [0, 2 ** 32 - 1], where),
    rungs: whole('rungs', given.rungs ?? (method === 'random' ? 3 : 1), [1, MAX_RUNGS], where),
    eta: whole('eta', eta, [2, MAX_ETA], where),
  };
  return definition;
}

/**
 * Replaces parameters and fixed options of a definition by parameters, whatever names either has for an option.
 *
 * @param where Where the new parameters come from, for messages: `--try: `.
 * @throws {UsageError} for the first mistake in the new parameters
 */
export function withParameters<Definition extends Pick<GivenDefinition, 'parameters' | 'options'>>(
  definition: Definition,
  parameters: GivenDefinition['parameters'],
  where: string,
): Definition {
  const { names } = checkParameters(parameters, where);
  const others = <Value>(given: Readonly<Record<string, Value>> | undefined) =>
    Object.fromEntries(
      Object.entries(given ?? {}).filter(([name]) => {
        const key = findOption(name);
        return key === undefined || !names.has(key);
      }),
    );
  return {
    ...definition,
    parameters: { ...others(definition.parameters), ...parameters },
    options: others(definition.options),
  };
}

/** @throws {UsageError} if the space has fewer points than trials */
export function checkRoom(space: Space, trials: number, where = 'sweep: '): void {
  const size = sizeOf(space);
  if (trials > size)
    throw new UsageError(`${where}there are only ${size} combinations of these values, not ${trials}.`);
}

/**
 * The training options of a trial.
 *
 * @throws {OptionError} for parameters that do not go together
 */
export function optionsOfTrial({ options }: SweepDefinition, parameters: Parameters): TrainingOptions {
  return checkTrainingOptions({ ...TRIAL_DEFAULTS, ...options, ...parameters });
}

/** One thread, because as many trials run at once as there are processors. The baseline would be the same for each trial. */
export const TRIAL_DEFAULTS = { threads: 1, baseline: false, keep: 1, saveName: 'trial' } as const;

/** Options by the name that the user gave each of them. */
type GivenNames = ReadonlyMap<keyof TrainingOptions, string>;

/** @param parameters The names of the parameters, none of which may be a fixed option as well. */
function checkFixed(
  options: Readonly<Record<string, unknown>>,
  parameters: GivenNames,
  where: string,
): Given<TrainingOptions> {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new UsageError(`${where}flags: got ${kindOf(options)}, expected options by name`);
  const names = namesOf(Object.keys(options), where);
  for (const [key, name] of names) {
    const parameter = parameters.get(key);
    if (parameter === undefined) continue;
    const other = parameter === name ? '' : ` ${parameter}, which is the same option`;
    throw new UsageError(
      `${where}${name} is a fixed option, and also a parameter${other}: give it only once.`,
    );
  }
  const checked = Array.from(
    names,
    ([key, name]) => [key, checkValue(key, options[name], name, where)] as const,
  );
  return Object.fromEntries(checked);
}

/** @throws {UsageError} for an unknown name, and for two names of one option */
function namesOf(given: readonly string[], where: string): GivenNames {
  const names = new Map<keyof TrainingOptions, string>();
  for (const name of given) {
    const key = optionNamed(name, where);
    const other = names.get(key);
    if (other !== undefined)
      throw new UsageError(`${where}${other} and ${name} are names of the same option: give it only once.`);
    names.set(key, name);
  }
  return names;
}

function checkParameters(given: unknown, where: string) {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new UsageError(`${where}expected parameters by name, got ${kindOf(given)}`);
  const space: Record<string, Dimension> = {};
  const fixed: Record<string, ParameterValue> = {};
  const names = namesOf(Object.keys(given), where);
  for (const [key, name] of names) {
    const dimension = checkParameter(key, (given as Record<string, unknown>)[name], name, where);
    const [only, ...others] = isList(dimension) ? dimension.values : [];
    if (only !== undefined && others.length === 0) {
      fixed[key] = only;
      continue;
    }
    checkSearchable(key, name, where);
    space[key] = dimension;
  }
  return { space, fixed, names };
}

const PARAMETER_KEYS = ['value', 'values', 'min', 'max', 'distribution'];
const DISTRIBUTIONS = ['constant', 'categorical', 'uniform', 'int_uniform', 'log_uniform_values'];

function checkParameter(key: keyof TrainingOptions, given: unknown, name: string, where: string): Dimension {
  const fail = (reason: string): never => {
    throw new UsageError(`${where}${name}: ${reason}`);
  };
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return fail(`got ${shown(given)}, expected values: [...], or min and max`);
  const unknown = Object.keys(given).find((one) => !PARAMETER_KEYS.includes(one));
  if (unknown !== undefined) fail(`there is no ${shown(unknown)}${hintFor(unknown, PARAMETER_KEYS)}`);
  const { value, values, min, max, distribution } = given as GivenParameter;
  if (distribution !== undefined && !DISTRIBUTIONS.includes(distribution))
    fail(`there is no distribution ${shown(distribution)}: use ${DISTRIBUTIONS.join(', ')}`);
  const isRange = min !== undefined || max !== undefined;
  const kinds = [value !== undefined, values !== undefined, isRange].filter(Boolean);
  if (kinds.length !== 1) fail('give either a value, or values, or min and max');
  if (!isRange) {
    if (distribution === 'constant' ? value === undefined : distribution && distribution !== 'categorical')
      fail(
        `the distribution ${distribution} needs ${distribution === 'constant' ? 'a value' : 'min and max'}`,
      );
    return checkList(key, values ?? [value], name, where);
  }
  if (distribution === 'constant' || distribution === 'categorical')
    fail(`the distribution ${distribution} needs ${distribution === 'constant' ? 'a value' : 'values'}`);
  if (typeof min !== 'number' || typeof max !== 'number' || !isNumber(key))
    return fail(isNumber(key) ? 'a range needs two numbers, min and max' : 'it is not a number: give values');
  if (!(min < max)) fail(`min must be less than max, got ${min} and ${max}`);
  checkValue(key, min, name, where);
  checkValue(key, max, name, where);
  const log = distribution === 'log_uniform_values';
  if (log && min <= 0) fail(`a logarithmic range begins above 0, not at ${min}`);
  if (distribution === 'int_uniform' && !(Number.isInteger(min) && Number.isInteger(max)))
    fail('int_uniform needs whole numbers');
  return { min, max, log, integer: isWhole(key) || distribution === 'int_uniform' };
}

function checkList(key: keyof TrainingOptions, values: unknown, name: string, where: string): Dimension {
  if (!Array.isArray(values) || values.length === 0)
    throw new UsageError(`${where}${name}: got ${shown(values)}, expected a list of values`);
  const checked = values.map((value: unknown) => checkValue(key, value, name, where));
  const twice = checked.find((value, at) => checked.indexOf(value) !== at);
  if (twice !== undefined) throw new UsageError(`${where}${name}: ${shown(twice)} is in the list twice`);
  return { values: checked };
}

/** A sentence that names what someone most likely meant. */
export function hintFor(name: string, known: readonly string[]): string {
  const close = suggest(name, known);
  return close === undefined ? `: expected ${known.join(', ')}` : `. Did you mean ${close}?`;
}

function whole(name: string, value: unknown, [min, max]: readonly [number, number], where: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max)
    return value as number;
  throw new UsageError(`${where}${name}: got ${shown(value)}, expected a whole number from ${min} to ${max}`);
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
