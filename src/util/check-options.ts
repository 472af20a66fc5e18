/** Checks options against their schema. Errors say what a value must be. */
import type * as z from 'zod/mini';
import { OptionError } from '../errors.ts';
import { infoOf } from './option-info.ts';

/** Options as given by a caller: any of them may be missing or undefined. */
export type Given<Options> = { readonly [Name in keyof Options]?: Options[Name] | undefined };

/** The type of an option, for help and messages. */
export interface OptionType {
  readonly kind: 'number' | 'integer' | 'string' | 'boolean' | 'choice';
  readonly choices?: readonly string[];
  readonly defaultValue?: unknown;
  /** Follows "expected" in messages: `a whole number from 1 to 10`. */
  readonly expected: string;
}

interface Bound {
  readonly value: number;
  readonly inclusive: boolean;
}

/** Maximum bounds above this only guard against overflow. They are mentioned only if a value exceeds them. */
const MAX_MENTIONED = 2 ** 31 - 2;

function rangeText(low: Bound | undefined, high: Bound | undefined, given: unknown): string {
  const isMentioned =
    high && (high.value <= MAX_MENTIONED || (typeof given === 'number' && given >= high.value));
  const mentioned = isMentioned ? high : undefined;
  if (low?.inclusive && mentioned?.inclusive) return ` from ${low.value} to ${mentioned.value}`;
  const lowText = low && (low.inclusive ? `of at least ${low.value}` : `greater than ${low.value}`);
  const highText =
    mentioned && (mentioned.inclusive ? `of at most ${mentioned.value}` : `less than ${mentioned.value}`);
  const both = [lowText, highText].filter(Boolean).join(' and ');
  return both && ` ${both}`;
}

function numberText(kind: 'number' | 'integer', checks: readonly z.core.$ZodCheck[], given: unknown): string {
  let low: Bound | undefined;
  let high: Bound | undefined =
    kind === 'integer' ? { value: Number.MAX_SAFE_INTEGER, inclusive: true } : undefined;
  for (const check of checks) {
    const def = check._zod.def as { check: string; value: number; inclusive: boolean };
    if (def.check === 'greater_than') low = def;
    if (def.check === 'less_than') high = def;
  }
  return `${kind === 'integer' ? 'a whole number' : 'a number'}${rangeText(low, high, given)}`;
}

/**
 * Describes the type of one option of a schema.
 *
 * @param given An invalid value. If it exceeds the limit, the description mentions it, however large.
 */
export function describeType(schema: z.core.$ZodType, given?: unknown): OptionType {
  const def = schema._zod.def as unknown as {
    type: string;
    innerType?: z.core.$ZodType;
    defaultValue?: unknown;
    entries?: Record<string, string>;
    format?: string;
    checks?: readonly z.core.$ZodCheck[];
  };
  switch (def.type) {
    case 'default':
      return { ...describeType(def.innerType as z.core.$ZodType, given), defaultValue: def.defaultValue };
    case 'optional':
      return describeType(def.innerType as z.core.$ZodType, given);
    case 'enum': {
      const choices = Object.values(def.entries ?? {});
      return { kind: 'choice', choices, expected: choices.join(', ').replace(/, ([^,]+)$/, ' or $1') };
    }
    case 'number': {
      const kind = def.format === 'safeint' ? 'integer' : 'number';
      return { kind, expected: numberText(kind, def.checks ?? [], given) };
    }
    case 'boolean':
      return { kind: 'boolean', expected: 'true or false' };
    default:
      return { kind: 'string', expected: 'a text' };
  }
}

function shown(value: unknown): string {
  const isJson = typeof value === 'string' || (typeof value === 'object' && value !== null);
  return isJson ? JSON.stringify(value) : String(value);
}

/**
 * Checks options and fills in the defaults.
 *
 * @throws {OptionError} for the first unknown option or invalid value
 */
export function checkOptions<T extends z.ZodMiniObject>(schema: T, input: z.input<T>): z.output<T> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0] as z.core.$ZodIssue;
  if (issue.code === 'unrecognized_keys')
    throw new OptionError(issue.keys[0] as string, 'there is no such option');
  const name = String(issue.path[0]);
  const type = schema.shape[name] as z.core.$ZodType;
  const value = (input as Record<string, unknown>)[name];
  const expected = infoOf(type).expected ?? describeType(type, value).expected;
  throw new OptionError(name, `got ${shown(value)}, expected ${expected}`);
}
