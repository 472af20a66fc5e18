/** Errors as a person reads them, and the exit code that goes with them. */
import { CharRnnError, OptionError, UsageError } from '../errors.ts';

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

/**
 * Prints an error and gives its exit code: 2 for wrong usage, 1 for everything else.
 *
 * @param typed How each option's flag was typed, so that the message names what stands on the command line.
 */
export function reportError(error: unknown, command?: string, typed?: ReadonlyMap<string, string>): number {
  if (!(error instanceof CharRnnError)) {
    process.stderr.write(`char-rnn: this should not have happened; please report it.\n${stackOf(error)}\n`);
    return EXIT_FAILURE;
  }
  const message = error instanceof OptionError ? optionMessage(error, typed) : error.message;
  process.stderr.write(`${message}\n`);
  const { DEBUG } = process.env;
  if (DEBUG) process.stderr.write(`${stackOf(error)}\n`);
  if (!(error instanceof UsageError)) return EXIT_FAILURE;
  process.stderr.write(`For all flags: char-rnn ${command ? `${command} ` : ''}--help\n`);
  return EXIT_USAGE;
}

function optionMessage(error: OptionError, typed: ReadonlyMap<string, string> | undefined): string {
  return `${typed?.get(error.option) ?? error.option}: ${error.reason}`;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return (error.stack ?? error.message) + cause;
}
