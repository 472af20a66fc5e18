/** What a command is. `commands/` has one file per command, and their list. */
import type { Arguments } from './arguments/arguments.ts';
import type { Flag } from './arguments/flag-table.ts';

export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  readonly examples: readonly string[];
  /** The key of a config file for the words that are not flags. Default: no config files. */
  readonly wordsKey?: 'text' | 'checkpoint' | 'checkpoints';
  /** Number of words before those that name a text, not counting flags. Default: the command takes no text. */
  readonly wordsBeforeText?: number;
  /**
   * What to do about a flag that the command does not have, in a sentence.
   *
   * @param name Without dashes, with `_` for `-`.
   * @param value The word after it, if any.
   */
  readonly adviceOnFlag?: (name: string, value: string | undefined) => string | undefined;
  /** Whether `--seed random` draws a seed. */
  readonly takesRandomSeed?: boolean;
  /**
   * Runs the command. It checks the flags, and imports the modules that do the work only then: help and completions must not load an
   * engine.
   *
   * @returns the exit code
   */
  run(input: CommandInput): Promise<number>;
}

/** A command line that was parsed, together with its config file. */
export interface CommandInput extends Arguments {
  readonly command: Command;
  /** The words after the command's name, for messages that repeat them. */
  readonly words: readonly string[];
  /** The seed that was drawn for `--seed random`. */
  readonly randomSeed: number | undefined;
  /** All commands of the program. */
  readonly commands: readonly Command[];
}
