/** The space that a sweep searches: one dimension per parameter, and the point of it that a trial has. */
import { mix32 } from '../util/mix32.ts';

/** A value of a training option. */
export type ParameterValue = string | number | boolean;

/** Parameters of a trial, by the option's name in the library. */
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** A list of values, or a range of numbers. */
export type Dimension = ValueList | NumberRange;

export interface ValueList {
  readonly values: readonly ParameterValue[];
}

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  /** Whether the logarithm is uniform, instead of the number itself. */
  readonly log: boolean;
  /** Whether only whole numbers are drawn. */
  readonly integer: boolean;
}

/** Dimensions by the option's name in the library. */
export type Space = Readonly<Record<string, Dimension>>;

export function isList(dimension: Dimension): dimension is ValueList {
  return 'values' in dimension;
}

/** The number of points; Infinity if a dimension is a range. */
export function sizeOf(space: Space): number {
  return Object.values(space).reduce((size, one) => size * (isList(one) ? one.values.length : Infinity), 1);
}

/** Point `index` of a grid. The last dimension changes fastest. @throws {TypeError} if a dimension is a range */
export function gridPoint(space: Space, index: number): Parameters {
  let rest = index;
  const point = Object.entries(space)
    .reverse()
    .map(([name, dimension]) => {
      if (!isList(dimension)) throw new TypeError(`${name} is a range`);
      const { values } = dimension;
      const value = values[rest % values.length] as ParameterValue;
      rest = Math.floor(rest / values.length);
      return [name, value] as const;
    });
  return Object.fromEntries(point.reverse());
}

/**
 * The point with a number, drawn at random. It is a function of the space, the seed and the number. A coordinate depends on the name of its
 * parameter, not on the other parameters, so it stays the same if some are added.
 */
export function randomPoint(space: Space, seed: number, index: number): Parameters {
  const coordinates = Object.entries(space).map(
    ([name, dimension]) => [name, valueAt(dimension, uniform(seed, index, name))] as const,
  );
  return Object.fromEntries(coordinates);
}

/** Decimal digits of a drawn number: enough for any setting, and the same on every machine, whatever its logarithm rounds to. */
const DIGITS = 4;

/** The value at a fraction, in [0, 1), of a dimension. */
function valueAt(dimension: Dimension, fraction: number): ParameterValue {
  if (isList(dimension)) {
    const { values } = dimension;
    return values[Math.floor(fraction * values.length)] as ParameterValue;
  }
  const { min, max, log, integer } = dimension;
  const within = (value: number) => Math.min(max, Math.max(min, value));
  if (integer && !log) return min + Math.floor(fraction * (max - min + 1));
  const value = log
    ? Math.exp(Math.log(min) + fraction * (Math.log(max) - Math.log(min)))
    : min + fraction * (max - min);
  const rounded = Number(value.toPrecision(DIGITS));
  return within(integer ? Math.round(rounded) : rounded);
}

/** A number in [0, 1) with 32 random bits. */
function uniform(seed: number, index: number, name: string): number {
  let bits = mix32(seed ^ 0x5eed);
  bits = mix32(bits ^ index);
  for (const character of name) bits = mix32(bits ^ (character.codePointAt(0) ?? 0));
  return bits / 2 ** 32;
}
