/** The message for an unknown command, with a suggestion that works as printed. */
import { existsSync } from 'node:fs';
import { suggest } from '../../util/suggest.ts';
import { commandLine } from './command-line.ts';
import { commandsWithOtherName } from './other-names.ts';

/** @param words All words of the command line. */
export function unknownCommand(words: readonly string[], commands: readonly string[]): string {
  const [first = '', ...rest] = words;
  const isFlag = first.startsWith('-');
  const what = isFlag ? `there is no command, only the flag ${first}` : `unknown command ${first}`;
  const suggestion = isFlag ? undefined : guessCommand(first, rest, commands);
  return [
    `${what}.`,
    ...(suggestion ? ['Did you mean:', `  ${commandLine(suggestion)}`] : []),
    `For all commands: ${commandLine(['--help'])}`,
    '',
  ].join('\n');
}

/** The words that were probably meant. If the first word is a file, it is a checkpoint to sample from or a text to train on. */
function guessCommand(
  first: string,
  rest: readonly string[],
  commands: readonly string[],
): string[] | undefined {
  const meant =
    commandsWithOtherName(first).find((command) => commands.includes(command)) ??
    suggest(first.toLowerCase(), commands);
  if (meant !== undefined) return [meant, ...rest];
  if (!existsSync(first)) return undefined;
  const isModel = /\.(safetensors|t7|onnx|npz)$/.test(first);
  return [isModel ? 'sample' : 'train', first, ...rest];
}
