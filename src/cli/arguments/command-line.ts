/** Command lines of this program that can be pasted into the shell from which it was started. */
import type { RemedyValue } from '../../errors.ts';
import { flagKey } from './arguments.ts';
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

/**
 * Changes options in a command line. A new value replaces the typed one; if there is none, the flag goes to the end.
 *
 * @param words The words after the command's name, as typed.
 * @param set Values by the option's name in the library; undefined removes the flag. `textFile` replaces the named texts.
 * @param wordsBeforeText See `Command`.
 * @returns undefined if the command lacks one of the flags
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
    // A flag that the command lacks need not be removed.
    .filter(({ value, flag }) => value !== undefined || flag)
    .map(({ flag }) => flag);
  if (changed.includes(undefined)) return undefined;
  const removed = unsetWords(words, flags, set);
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
    const goes = found && (Object.hasOwn(set, found.key) || found.key === removed.without);
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
  added.push(...removed.words);
  const separator = kept.indexOf('--');
  return separator < 0
    ? [...kept, ...added]
    : [...kept.slice(0, separator), ...added, ...kept.slice(separator)];
}

/**
 * Unsets options that were not typed, so come from a config file. A switch can be turned off; for any other option the config file
 * itself is removed.
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

/** The new texts as words; undefined if the texts stay unchanged. */
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
