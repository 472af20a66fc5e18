/** The program without its process: what each command line does. It loads commands only when one is named. */
import { VERSION } from '../util/version.ts';
import { programName } from './arguments/program-name.ts';
import { overview } from './help/overview.ts';

const VERSION_FLAGS = new Set(['--version', '-version', '-v', '-V']);
const HELP_WORDS = new Set(['help', '--help', '-help', '-h']);

/**
 * Runs a command line.
 *
 * @param words The words after the program's name.
 * @returns the exit code
 */
export async function runProgram(words: readonly string[]): Promise<number> {
  const [first, ...rest] = words;
  if (first === undefined) {
    process.stderr.write(overview(programName()));
    return 2;
  }
  if (VERSION_FLAGS.has(first)) {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  if (first === 'help' && rest[0] !== undefined) return runProgram([rest[0], '--help']);
  if (HELP_WORDS.has(first)) {
    process.stdout.write(overview(programName()));
    return 0;
  }
  const { prepareForHangup } = await import('./terminal/hangup.ts');
  prepareForHangup();
  const { commands } = await import('./commands/index.ts');
  const command = commands.find(({ name }) => name === first);
  if (command) {
    const { runCommand } = await import('./run-command.ts');
    return runCommand(command, rest, commands);
  }
  const { unknownCommand } = await import('./arguments/unknown-command.ts');
  const names = commands.map(({ name }) => name);
  process.stderr.write(unknownCommand(words, names));
  return 2;
}
