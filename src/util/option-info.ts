/** What the command line and the reference of flags know of an option beside its type. */
import * as z from 'zod/mini';

export type OptionGroup =
  | 'Text'
  | 'Model'
  | 'Training'
  | 'Sampling'
  | 'Scoring'
  | 'Choice'
  | 'Form'
  | 'Ends'
  | 'Output'
  | 'Serving'
  | 'Limits'
  | 'Device';

export interface OptionInfo {
  /** The flag's name on the command line, without dashes: `rnn_size`. */
  readonly flag: string;
  /** Other names of the flag, without dashes, in the form of `flag`. */
  readonly aliases?: readonly string[];
  readonly group: OptionGroup;
  readonly help: string;
  /** What a value must be, to stand after "expected"; where the type alone does not tell. */
  readonly expected?: string;
  /** What the value stands for in help: `N`, `FILE`. Derived from the type where absent. */
  readonly value?: string;
  /** What the flag stands for when no value follows it: then the next word begins with a dash, or there is none. */
  readonly bareValue?: string;
  /** It may be given several times; then its value is a list. */
  readonly several?: true;
  /** Its value is a text in which `\n`, `\t` and other escapes may be typed on the command line. */
  readonly escapes?: true;
  /** One of the handful that people use first. */
  readonly common?: true;
  /** The original has it, with this name, default and meaning. */
  readonly original?: true;
}

const registry = z.registry<OptionInfo>();

/** Attaches the facts to a type. The type must not be shared between options. */
export function option<T extends z.ZodMiniType>(type: T, info: OptionInfo): T {
  registry.add(type, info);
  return type;
}

/** The facts that `option` attached. */
export function infoOf(type: z.core.$ZodType): OptionInfo {
  const info = registry.get(type);
  if (!info) throw new TypeError('this type was not made by option()');
  return info;
}

/** A whole number from `minimum` up to what 32 bits hold. */
export const count = (minimum: number) => z.int().check(z.minimum(minimum), z.maximum(2 ** 31 - 1));
/** A number above zero. */
export const positive = () => z.number().check(z.gt(0));
/** A number from 0 to 1. */
export const fraction = () => z.number().check(z.minimum(0), z.maximum(1));
/** A seed of the Mersenne Twister. */
export const seed = () => z.int().check(z.minimum(0), z.maximum(2 ** 32 - 1));
