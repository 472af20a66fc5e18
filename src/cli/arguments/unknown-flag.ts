/** What to say to a flag that a command does not have: the one that was meant, by spelling or by meaning. */
import { UsageError } from '../../errors.ts';
import { suggest } from '../../util/suggest.ts';
import { type Flag, flagNames, longFlag } from './flag-table.ts';
import { optionsMeant } from './other-names.ts';

/**
 * @param shown As it was typed, with its dashes.
 * @param name Without dashes, with `_` for `-`.
 * @param flags Those of the command.
 */
export function unknownFlag(shown: string, name: string, flags: readonly Flag[]): UsageError {
  const meant = flagMeant(name, flags);
  if (meant === undefined) return new UsageError(`unknown flag ${shown}.`);
  return new UsageError(`unknown flag ${shown}. Did you mean ${longFlag(meant)}?`);
}

/** The name of the flag that was meant: a name of another program, the option's in the library, or a slip of the hand. */
export function flagMeant(typed: string, flags: readonly Flag[]): string | undefined {
  const name = snake(typed);
  const keys = optionsMeant(name);
  const meant = flags.find(({ key }) => keys.includes(key) || snake(key) === name);
  if (meant) return meant.info.flag;
  return suggest(name, [...flags.flatMap(flagNames), 'help']);
}

function snake(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
}
