/** Facts about an option for the command line and the reference of flags, in addition to its type. */
import * as z from 'zod/mini';

export type OptionGroup =
  | 'Input'
  | 'Text'
  | 'Model'
  | 'Training'
  | 'Sampling'
  | 'Scoring'
  | 'Choice of symbols'
  | 'Form of a text'
  | 'Where a text ends'
  | 'Output'
  | 'Serving'
  | 'Limits'
  | 'Device';

export interface OptionInfo {
  /** The flag's name on the command line, without dashes: `rnn_size`. */
  readonly flag: string;
  /** Other names of the flag, in the form of `flag`. */
  readonly aliases?: readonly string[];
  readonly group: OptionGroup;
  readonly help: string;
  /** Follows "expected" in messages: what a value must be. Default: derived from the type. */
  readonly expected?: string;
  /** Placeholder for the value in help: `N`, `FILE`. Default: derived from the type. */
  readonly value?: string;
  /** The value if none follows the flag, because the next word begins with a dash or there is none. */
  readonly bareValue?: string;
  /** The flag may be given several times. Its value is a list. */
  readonly several?: true;
  /** Its value may contain `\n`, `\t` and other escapes on the command line. */
  readonly escapes?: true;
  /** One of the few flags that people use most. */
  readonly common?: true;
  /** The original has this flag, with the same name, default and meaning. */
  readonly original?: true;
}

const registry = z.registry<OptionInfo>();

/** Attaches facts to a type, which must not be shared between options. */
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

/** A whole number from `minimum` to 2³¹ − 1. */
export const count = (minimum: number, maximum = 2 ** 31 - 1) =>
  z.int().check(z.minimum(minimum), z.maximum(maximum));
/** A number above zero. */
export const positive = () => z.number().check(z.gt(0));
/** A number from 0 to 1. */
export const fraction = () => z.number().check(z.minimum(0), z.maximum(1));
/** A seed of the Mersenne Twister. */
export const seed = () => z.int().check(z.minimum(0), z.maximum(2 ** 32 - 1));
