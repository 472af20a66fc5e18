/** Arguments of the programs in this folder. A wrong one ends the program: otherwise it would measure something else, or nothing. */

import { CELL_NAMES } from '../src/engine/cells.ts';
import { ENGINE_NAMES } from '../src/engine/names.ts';

/** Why the arguments of a program can't be used. */
export class ArgumentError extends Error {}

/**
 * Returns what `read` returns. If it throws, prints the message and ends the program with exit code 2.
 *
 * @param read Reads arguments or a file that the user may have damaged; never the code that measures, whose errors need their stack.
 */
export function orExit<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    return exit(error as Error);
  }
}

/** Prints a message and ends the program with exit code 2. */
export function exit({ message }: Error): never {
  console.error(message);
  process.exit(2);
}

/** @throws {ArgumentError} if the word is none of the values */
export function oneOf<Value extends string>(what: string, word: string, values: readonly Value[]): Value {
  const value = values.find((one) => one === word);
  if (value === undefined) throw new ArgumentError(`${what}: got "${word}", expected ${values.join(', ')}`);
  return value;
}

/** @throws {ArgumentError} if the word is not a number above 0 */
export function positiveNumber(what: string, word: string): number {
  const value = Number(word);
  if (!(value > 0 && value < Infinity))
    throw new ArgumentError(`${what}: got "${word}", expected a number above 0`);
  return value;
}

/** @throws {ArgumentError} if the word is not a whole number above 0 */
export function count(what: string, word: string): number {
  const value = Number(word);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new ArgumentError(`${what}: got "${word}", expected a whole number above 0`);
  return value;
}

/** @throws {ArgumentError} if the word is not an object in JSON */
export function jsonObject(what: string, word: string): object {
  try {
    const value: unknown = JSON.parse(word);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // The message below says what was found.
  }
  throw new ArgumentError(`${what}: got "${word}", expected an object in JSON, such as '{}'`);
}

/** The arguments that the programs share, as they were typed; an empty `threads` stands for the engine's own choice. */
export interface NetworkWords {
  readonly cell: string;
  readonly units: string;
  readonly depth: string;
  readonly name: string;
  readonly threads: string;
  readonly seconds: string;
  /** What follows the last argument. */
  readonly more: readonly string[];
}

/**
 * Reads the network, its engine and the seconds to measure.
 *
 * @throws {ArgumentError} if a word can't be used
 */
export function networkArguments({ cell, units, depth, name, threads, seconds, more }: NetworkWords) {
  if (more.length > 0) throw new ArgumentError(`too many arguments: ${more.join(' ')}`);
  return {
    cell: oneOf('the cell', cell, CELL_NAMES),
    hiddenSize: count('the units', units),
    layers: count('the layers', depth),
    engine: oneOf('the engine', name, ENGINE_NAMES),
    threads: threads === '' ? undefined : count('the threads', threads),
    seconds: positiveNumber('the seconds', seconds),
  };
}

/**
 * The words with which rows are chosen, as the names of the rows have them: `×` may be typed as x.
 *
 * @throws {ArgumentError} if no name contains one of the words
 */
export function rowWords(words: readonly string[], names: readonly string[]): string[] {
  const typed = words.map((word) => word.replace(/(?<=\d)x(?=\d)/g, '×'));
  const unknown = typed.find((word) => !names.some((name) => name.includes(word)));
  if (unknown !== undefined)
    throw new ArgumentError(`no row's name contains "${unknown}". The rows:\n  ${names.join('\n  ')}`);
  return typed;
}
