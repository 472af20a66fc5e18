/** Command lines of this program that can be pasted into the shell from which it was started. */
import type { RemedyValue } from '../../errors.ts';
import { writeEscapes } from '../../util/escapes.ts';
import { type ConfigFile, flagKey } from './arguments.ts';
import { type Flag, longFlag } from './flag-table.ts';
import { programName, shellWord } from './program-name.ts';

/** A command line that works as printed. @param words The words after the program's name. */
export function commandLine(words: readonly string[]): string {
  return [programName(), ...words.map((word) => shellWord(word))].join(' ');
}

/** A file's path as an argument. A path that begins with a dash gets `./` in front, or it would be read as a flag. */
export function fileWord(path: string): string {
  return path.startsWith('-') && path !== '-' ? `./${path}` : path;
}

/** What changing a command line needs to know of its command. */
export interface ChangedCommand {
  readonly flags: readonly Flag[];
  /** See `Command`. */
  readonly wordsBeforeText?: number | undefined;
  /** The file that the words name with `--config`. */
  readonly config?: ConfigFile | undefined;
}

/**
 * Changes options in a command line. A new value replaces the typed one; if there is none, the flag goes to the end.
 *
 * @param typed The words after the command's name, as typed.
 * @param set Values by the option's name in the library; undefined removes the flag. `textFile` replaces the named texts.
 * @returns undefined if the command lacks one of the flags
 */
export function wordsWith(
  typed: readonly string[],
  { flags, wordsBeforeText, config }: ChangedCommand,
  { textFile, ...set }: Readonly<Record<string, RemedyValue>>,
): string[] | undefined {
  const texts = textWords(textFile);
  if (texts && wordsBeforeText === undefined) return undefined;
  const changed = Object.entries(set)
    .map(([key, value]) => ({ value, flag: flags.find((flag) => flag.key === key) }))
    // A flag that the command lacks need not be removed.
    .filter(({ value, flag }) => value !== undefined || flag)
    .map(({ flag }) => flag);
  if (changed.includes(undefined)) return undefined;
  const isUnset = Object.keys(config?.values ?? {}).some(
    (key) => Object.hasOwn(set, key) && set[key] === undefined,
  );
  // No flag unsets an option of a config file.
  const words = config && isUnset ? withoutConfig(typed, flags, config) : typed;
  const kept: string[] = [];
  // Texts go before flags with an optional value, which would take them as their value.
  let place = 0;
  // Number of words so far that are not flags. New texts replace all of these but the first `wordsBeforeText`.
  let plain = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    const found = flagKey(word, words[at + 1], flags);
    const end = at + (found?.takesNext ? 2 : 1);
    const isText = texts && !found && word !== '--' && plain++ >= (wordsBeforeText ?? 0);
    const goes = found && Object.hasOwn(set, found.key);
    if (!isText && !goes) kept.push(...words.slice(at, end));
    if (texts && !found && !isText && word !== '--') place = kept.length;
    at = end - 1;
    if (word === '--') {
      const rest = words.slice(end);
      const stays = texts ? rest.slice(0, Math.max(0, (wordsBeforeText ?? 0) - plain)) : rest;
      kept.push(...stays);
      if (stays.length > 0) place = kept.length;
      break;
    }
  }
  if (texts) kept.splice(place, 0, ...texts);
  const added = changed.flatMap((flag) => (flag ? flagWords(flag, set[flag.key]) : []));
  const separator = kept.indexOf('--');
  return separator < 0
    ? [...kept, ...added]
    : [...kept.slice(0, separator), ...added, ...kept.slice(separator)];
}

/** The words of a command line with the content of its config file in place of `--config FILE`. */
function withoutConfig(typed: readonly string[], flags: readonly Flag[], config: ConfigFile): string[] {
  const kept: string[] = [];
  const keys = new Set<string>();
  let hasPlain = false;
  for (let at = 0; at < typed.length; at++) {
    const word = typed[at] as string;
    const found = flagKey(word, typed[at + 1], flags);
    if (word === '--') {
      hasPlain ||= at + 1 < typed.length;
      kept.push(...typed.slice(at));
      break;
    }
    const end = at + (found?.takesNext ? 2 : 1);
    if (found?.key !== 'configFile') kept.push(...typed.slice(at, end));
    if (found) keys.add(found.key);
    else hasPlain = true;
    at = end - 1;
  }
  const options = flags
    .filter(({ key }) => !keys.has(key))
    .flatMap((flag) => flagWords(flag, config.values[flag.key] as RemedyValue));
  return [...(hasPlain ? [] : config.words.map(fileWord)), ...options, ...kept];
}

/** The new texts as words; undefined if the texts stay unchanged. */
function textWords(textFile: RemedyValue): string[] | undefined {
  if (textFile === undefined) return undefined;
  return (Array.isArray(textFile) ? textFile : [String(textFile)]).map((path: string) => fileWord(path));
}

function flagWords(flag: Flag, value: RemedyValue): string[] {
  const name = longFlag(flag.info.flag);
  if (value === undefined) return [];
  if (value === true) return [name];
  if (value === false) return [`${name}=false`];
  const values = typeof value === 'object' ? value : [String(value)];
  return values.flatMap((item) => [name, flag.info.escapes ? writeEscapes(item) : item]);
}
