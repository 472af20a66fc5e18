/** Command lines of this program that a person can paste into the shell it was started from. */
import type { RemedyValue } from '../../errors.ts';
import { flagKey } from './arguments.ts';
import { type Flag, longFlag } from './flag-table.ts';
import { programName, shellWord } from './program-name.ts';

/** A command line that works as typed. @param words Those after the program's name. */
export function commandLine(words: readonly string[]): string {
  return [programName(), ...words.map((word) => shellWord(word))].join(' ');
}

/** A file's path as an argument: one that begins with a dash would be read as a flag. */
export function fileWord(path: string): string {
  return path.startsWith('-') && path !== '-' ? `./${path}` : path;
}

/**
 * The words of a command line with some options changed: each set one replaces what was typed for it, or goes to the end.
 *
 * @param words As typed, after the command's name.
 * @param set By the option's name in the library; undefined takes the flag out. `textFile` replaces the texts that are named.
 * @param wordsBeforeText Words that are no flags before those that name a text; absent for a command without texts.
 * @returns undefined where the command does not have one of the flags
 */
export function wordsWith(
  words: readonly string[],
  flags: readonly Flag[],
  { textFile, ...set }: Readonly<Record<string, RemedyValue>>,
  wordsBeforeText?: number,
): string[] | undefined {
  const texts = textWords(textFile);
  if (texts && wordsBeforeText === undefined) return undefined;
  const changed = Object.entries(set)
    .map(([key, value]) => ({ value, flag: flags.find((flag) => flag.key === key) }))
    // Removing a flag that the command does not have needs no change.
    .filter(({ value, flag }) => value !== undefined || flag)
    .map(({ flag }) => flag);
  if (changed.includes(undefined)) return undefined;
  const takenOut = unsetWords(words, flags, set);
  const kept: string[] = [];
  // Where texts go: before flags that may stand alone, which would take a word after them.
  let place = 0;
  // Words that are no flags; of these only the first stay where texts are named anew.
  let plain = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    const found = flagKey(word, words[at + 1], flags);
    const end = at + (found?.takesNext ? 2 : 1);
    const isText = texts && !found && word !== '--' && plain++ >= (wordsBeforeText ?? 0);
    const goes = found && (Object.hasOwn(set, found.key) || found.key === takenOut.without);
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
  added.push(...takenOut.words);
  const separator = kept.indexOf('--');
  return separator < 0
    ? [...kept, ...added]
    : [...kept.slice(0, separator), ...added, ...kept.slice(separator)];
}

/**
 * How to unset options that were not typed: they come from a config file. A switch can be turned off;
 * for others the config file goes.
 */
function unsetWords(
  words: readonly string[],
  flags: readonly Flag[],
  set: Readonly<Record<string, RemedyValue>>,
): { readonly words: readonly string[]; readonly without: string | undefined } {
  const typed = new Set(words.map((word, at) => flagKey(word, words[at + 1], flags)?.key));
  if (!typed.has('configFile')) return { words: [], without: undefined };
  const left = flags.filter(
    ({ key }) => Object.hasOwn(set, key) && set[key] === undefined && !typed.has(key),
  );
  const [switches, others] = [true, false].map((is) =>
    left.filter(({ type }) => (type.kind === 'boolean') === is),
  );
  return {
    words: (switches ?? []).map(({ info }) => `${longFlag(info.flag)}=false`),
    without: others?.length ? 'configFile' : undefined,
  };
}

/** The texts that are named, as words; undefined where they stay as they are. */
function textWords(textFile: RemedyValue): string[] | undefined {
  if (textFile === undefined) return undefined;
  return (Array.isArray(textFile) ? textFile : [String(textFile)]).map((path: string) => fileWord(path));
}

function flagWords(flag: Flag, value: RemedyValue): string[] {
  const name = longFlag(flag.info.flag);
  if (value === undefined) return [];
  if (value === true) return [name];
  return value === false ? [`${name}=false`] : [name, String(value)];
}
