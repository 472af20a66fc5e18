/** What to say to a first word that is no command: the command that was meant, as a line that works as typed. */
import { existsSync } from 'node:fs';
import { suggest } from '../../util/suggest.ts';
import { commandLine } from './command-line.ts';
import { commandsMeant } from './other-names.ts';

/** @param words All words of the command line. */
export function unknownCommand(words: readonly string[], commands: readonly string[]): string {
  const [first = '', ...rest] = words;
  const isFlag = first.startsWith('-');
  const what = isFlag ? `unknown flag ${first}, and no command` : `unknown command ${first}`;
  const suggestion = isFlag ? undefined : commandMeant(first, rest, commands);
  return [
    `${what}.`,
    ...(suggestion ? ['Did you mean:', `  ${commandLine(suggestion)}`] : []),
    `For all commands: ${commandLine(['--help'])}`,
    '',
  ].join('\n');
}

/** The words that were meant. A file in place of a command is a checkpoint to write with, or a text to train on. */
function commandMeant(
  first: string,
  rest: readonly string[],
  commands: readonly string[],
): string[] | undefined {
  const meant =
    commandsMeant(first).find((command) => commands.includes(command)) ??
    suggest(first.toLowerCase(), commands);
  if (meant !== undefined) return [meant, ...rest];
  if (!existsSync(first)) return undefined;
  const isModel = /\.(safetensors|t7|onnx|npz)$/.test(first);
  return [isModel ? 'sample' : 'train', first, ...rest];
}
