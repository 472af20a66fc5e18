/** The error for an unknown flag, with a suggestion of similar spelling or meaning. */
import { UsageError } from '../../errors.ts';
import { suggest } from '../../util/suggest.ts';
import { type Flag, flagNames, longFlag } from './flag-table.ts';
import { optionsWithOtherName } from './other-names.ts';

/**
 * @param shown The flag as typed, with its dashes.
 * @param name The flag without dashes, with `_` for `-`.
 * @param flags The flags of the command.
 * @param advice What the command says about this flag.
 */
export function unknownFlag(
  shown: string,
  name: string,
  flags: readonly Flag[],
  advice?: string,
): UsageError {
  if (advice !== undefined) return new UsageError(`unknown flag ${shown}. ${advice}`);
  const meant = guessFlag(name, flags);
  if (meant === undefined) return new UsageError(`unknown flag ${shown}.`);
  return new UsageError(`unknown flag ${shown}. Did you mean ${longFlag(meant)}?`);
}

/** The flag that was probably meant: by its name in another program, its name in the library, or a similar spelling. */
export function guessFlag(typed: string, flags: readonly Flag[]): string | undefined {
  const name = snake(typed);
  const keys = optionsWithOtherName(name);
  const meant = flags.find(({ key }) => keys.includes(key) || snake(key) === name);
  if (meant) return meant.info.flag;
  return suggest(name, [...flags.flatMap(flagNames), 'help']);
}

function snake(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
}
