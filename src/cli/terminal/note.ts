/** Messages on standard error. */
import { programName } from '../arguments/program-name.ts';
import { wrap } from './text-width.ts';

/** The width of a terminal that does not report one. */
const DEFAULT_COLUMNS = 80;

/** Prints one or more lines. */
export function note(text: string): void {
  process.stderr.write(`${foldLines(text, terminalWidth())}\n`);
}

/** Breaks lines between words, where the terminal would break within a word. Command lines stay whole, so that they can be copied. */
export function foldLines(text: string, width: number | undefined, program = programName()): string {
  if (width === undefined) return text;
  const lines = text.split('\n').flatMap((line) => {
    const isCommand = line.startsWith('  ') || line.includes(program);
    return isCommand || line === '' ? [line] : wrap(line, width);
  });
  return lines.join('\n');
}

function terminalWidth(): number | undefined {
  if (!process.stderr.isTTY) return undefined;
  return process.stderr.columns || DEFAULT_COLUMNS;
}
