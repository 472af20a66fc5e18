/** Lines for a person on standard error. */

import { programName } from '../arguments/program-name.ts';
import { wrap } from './text-width.ts';

/** Columns of a terminal that does not tell. */
const DEFAULT_COLUMNS = 80;

/** Writes a line, or several. */
export function note(text: string): void {
  process.stderr.write(`${folded(text, terminalWidth())}\n`);
}

/** A text with its lines broken between words where a terminal would break them within; command lines stay whole, to be copied. */
export function folded(text: string, width: number | undefined, program = programName()): string {
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
