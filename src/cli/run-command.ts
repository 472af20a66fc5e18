/** What every command does around its own work: reads its words, shows its help, reports its error. */
import { type Arguments, parseArguments } from './arguments/arguments.ts';
import { withConfig } from './arguments/config-file.ts';
import type { Command } from './commands.ts';
import { commandHelp } from './help/help.ts';
import { reportError } from './report/report-error.ts';
import { note } from './terminal/note.ts';

/**
 * Runs a command on the words after its name.
 *
 * @param run The command's work; gives the exit code.
 * @returns the exit code
 */
export async function runCommand(
  command: Command,
  words: readonly string[],
  run: (given: Arguments) => Promise<number>,
): Promise<number> {
  let typed: ReadonlyMap<string, string> | undefined;
  try {
    const given = withConfig(parseArguments(words, command.flags), command);
    typed = given.typed;
    if (!given.help) {
      for (const notice of given.notices) note(notice);
      return await run(given);
    }
    process.stdout.write(commandHelp(command, process.stdout.isTTY ? process.stdout : {}));
    return 0;
  } catch (error) {
    return reportError(error, { command, words, typed });
  }
}
