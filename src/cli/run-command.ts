/** What all commands share: reads the words, shows the help, reports errors. */
import { type Arguments, parseArguments } from './arguments/arguments.ts';
import { withConfig } from './arguments/config-file.ts';
import { drawRandomSeed } from './arguments/random-seed.ts';
import type { Command } from './command.ts';
import { commandHelp } from './help/help.ts';
import { reportError } from './report/report-error.ts';
import { note } from './terminal/note.ts';

/**
 * Runs a command.
 *
 * @param typedWords The words after its name.
 * @returns the exit code
 */
export async function runCommand(
  command: Command,
  typedWords: readonly string[],
  commands: readonly Command[],
): Promise<number> {
  const { words, randomSeed } = command.takesRandomSeed
    ? drawRandomSeed(typedWords)
    : { words: typedWords, randomSeed: undefined };
  let given: Arguments | undefined;
  try {
    given = withConfig(parseArguments(words, command.flags, command.adviceOnFlag), command);
    if (given.help) {
      process.stdout.write(commandHelp(command, process.stdout.isTTY ? process.stdout : {}));
      return 0;
    }
    for (const notice of given.notices) note(notice);
    return await command.run({ ...given, command, words, randomSeed, commands });
  } catch (error) {
    return reportError(error, { command, words, typed: given?.typed, config: given?.config });
  }
}
