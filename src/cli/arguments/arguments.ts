/**
 * Parses the words of a command line.
 *
 * As in the original, a flag has one dash and takes the next word, whatever it looks like. Two dashes, `-` for `_` and `--flag=value`
 * work too. No library supports the first (docs/decisions/arguments.md).
 */
import { UsageError } from '../../errors.ts';
import { readEscapes, unknownEscape } from '../../util/escapes.ts';
import { type OptionsWithOrigins, optionsFrom } from '../../util/option-origins.ts';
import { type Flag, flagNames } from './flag-table.ts';
import { unknownFlag } from './unknown-flag.ts';

/** Values by the option's name in the library. If a flag was typed twice, the last value counts, unless the flag takes several. */
export interface Arguments extends OptionsWithOrigins {
  /** How each option's flag was typed, for messages. */
  readonly typed: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
  /** One line for each backslash that does not begin an escape. */
  readonly notices: readonly string[];
  /** Whether the words ask for help. */
  readonly help: boolean;
  /** The file that `--config` names; undefined without one. */
  readonly config?: ConfigFile | undefined;
}

/** What a config file sets. */
export interface ConfigFile {
  /** By the option's name in the library. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The words that are not flags, such as the texts of `train`. They count if none is typed. */
  readonly words: readonly string[];
}

const HELP = new Set(['-h', '-help', '--help']);

/** @throws {UsageError} for an unknown flag, a missing value, or a value that should be a number and is not */
export function parseArguments(
  words: readonly string[],
  flags: readonly Flag[],
  adviceOnFlag?: (name: string, value: string | undefined) => string | undefined,
): Arguments {
  const byName = flagsByName(flags);
  const notices: string[] = [];
  const values: Record<string, unknown> = {};
  const typed = new Map<string, string>();
  const positionals: string[] = [];
  let help = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '--') {
      positionals.push(...words.slice(at + 1));
      break;
    }
    if (HELP.has(word)) {
      help = true;
    } else if (!word.startsWith('-') || word === '-') {
      positionals.push(word);
    } else {
      const { name, shown, attached } = splitFlag(word);
      const flag = byName.get(name);
      if (!flag) throw unknownFlag(shown, name, flags, adviceOnFlag?.(name, attached ?? words[at + 1]));
      typed.set(flag.key, shown);
      const takesNext = attached === undefined && takesValue(flag, words[at + 1]);
      if (takesNext && at + 1 === words.length) {
        throw new UsageError(`${shown} needs a value: expected ${flag.type.expected}`);
      }
      let value = toValue(flag, shown, takesNext ? words[++at] : (attached ?? flag.info.bareValue));
      if (flag.info.escapes && typeof value === 'string') {
        const read = readEscapes(value);
        value = read.text;
        notices.push(...read.unknown.map((found) => unknownEscape(shown, found)));
      }
      const before = values[flag.key] as readonly unknown[] | undefined;
      values[flag.key] = flag.info.several ? [...(before ?? []), value] : value;
    }
  }
  return { ...optionsFrom('flag', values), typed, positionals, notices: [...new Set(notices)], help };
}

/**
 * Finds the flag that a word stands for, and whether the next word is its value.
 *
 * @returns undefined if the word is not a flag of the command
 */
export function flagKey(
  word: string,
  next: string | undefined,
  flags: readonly Flag[],
): { readonly key: string; readonly takesNext: boolean } | undefined {
  if (!word.startsWith('-') || word === '-' || word === '--') return undefined;
  const { name, attached } = splitFlag(word);
  const flag = flagsByName(flags).get(name);
  return flag && { key: flag.key, takesNext: attached === undefined && takesValue(flag, next) };
}

/** Whether the next word is the value of a flag. A switch also takes `true` and `false`, as in other programs. */
function takesValue({ type, info }: Flag, next: string | undefined): boolean {
  if (type.kind === 'boolean') return next === 'true' || next === 'false';
  return info.bareValue === undefined || !(next === undefined || next.startsWith('-'));
}

function splitFlag(word: string) {
  const equals = word.indexOf('=');
  const shown = equals < 0 ? word : word.slice(0, equals);
  const name = shown.replace(/^--?/, '').replaceAll('-', '_');
  return { name, shown, attached: equals < 0 ? undefined : word.slice(equals + 1) };
}

/** A map with an entry for every name of every flag. */
export function flagsByName(flags: readonly Flag[]): Map<string, Flag> {
  return new Map(flags.flatMap((flag) => flagNames(flag).map((name) => [name, flag] as const)));
}

/** Decimal numbers only: no hexadecimal, no spaces, no units. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function toValue({ type }: Flag, shown: string, word: string | undefined): unknown {
  if (type.kind === 'boolean') {
    if (word === undefined || word === 'true') return true;
    if (word === 'false') return false;
  } else if (type.kind === 'integer' || type.kind === 'number') {
    const value = Number(word);
    if (word !== undefined && NUMBER.test(word) && Number.isFinite(value)) return value;
  } else {
    return word;
  }
  throw new UsageError(`${shown}: got ${JSON.stringify(word)}, expected ${type.expected}`);
}
