/** Prints errors and chooses exit codes. */
import { CharRnnError, OptionError, type Remedy, UsageError } from '../../errors.ts';
import type { ConfigFile } from '../arguments/arguments.ts';
import { commandLine, wordsWith } from '../arguments/command-line.ts';
import { inFlags } from '../arguments/flags-in-messages.ts';
import type { Command } from '../command.ts';
import { EXIT_FAILURE, EXIT_USAGE } from '../exit-codes.ts';
import { note } from '../terminal/note.ts';
import { permissionText } from './permission-error.ts';

/** The command that an error came from. */
export interface FailedCommand {
  readonly command: Command;
  /** The words after the command's name, as typed. */
  readonly words: readonly string[];
  /** How each option's flag was typed. */
  readonly typed?: ReadonlyMap<string, string> | undefined;
  /** The file that the words name with `--config`. */
  readonly config?: ConfigFile | undefined;
}

/** Prints an error. @returns the exit code: 2 for wrong usage, 1 for everything else */
export function reportError(error: unknown, failed?: FailedCommand): number {
  const refused = permissionText(error);
  if (refused) {
    process.stderr.write(`${refused}\n`);
    return EXIT_FAILURE;
  }
  if (!(error instanceof CharRnnError)) {
    process.stderr.write(`char-rnn: this should not have happened. Please report it:\n${stackOf(error)}\n`);
    return EXIT_FAILURE;
  }
  note([problemText(error, failed), ...remedyLines(error.remedies, failed)].join('\n'));
  const { DEBUG } = process.env;
  if (DEBUG) process.stderr.write(`${stackOf(error)}\n`);
  if (!(error instanceof UsageError)) return EXIT_FAILURE;
  const help = failed ? [failed.command.name, '--help'] : ['--help'];
  process.stderr.write(`For all flags: ${commandLine(help)}\n`);
  return EXIT_USAGE;
}

/**
 * Remedies as lines, each with a command that works as printed. Remedies that set an option which the command lacks are left out.
 *
 * @param failed The command whose words are changed.
 */
export function remedyLines(remedies: readonly Remedy[], failed?: FailedCommand): string[] {
  return remedies.flatMap(({ text, set, command }) => {
    if (command) return [`${text}:`, `  ${commandLine(command)}`];
    if (!set) return [`${inFlags(text, failed?.command.flags ?? [])}.`];
    const words = failed && wordsWith(failed.words, { ...failed.command, config: failed.config }, set);
    return words ? [`${text}:`, `  ${commandLine([failed.command.name, ...words])}`] : [];
  });
}

function problemText(error: CharRnnError, failed: FailedCommand | undefined): string {
  const problem =
    error instanceof OptionError
      ? `${failed?.typed?.get(error.option) ?? nameOf(error.option, failed)}: ${error.reason}`
      : error.problem;
  return inFlags(problem, failed?.command.flags ?? []);
}

/** An option as a user of the command knows it: its flag, if it has one. */
function nameOf(option: string, failed: FailedCommand | undefined): string {
  return failed?.command.flags.some(({ key }) => key === option) ? `\`${option}\`` : option;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return (error.stack ?? error.message) + cause;
}
