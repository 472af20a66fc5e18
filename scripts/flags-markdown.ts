/** The flags of all commands as tables in Markdown. */

import { type Flag, flagNames, longFlag, originalFlag, valueName } from '../src/cli/arguments/flag-table.ts';
import type { Command } from '../src/cli/command.ts';
import { commands } from '../src/cli/commands/index.ts';
import { modelOptionsSchema } from '../src/language-model.ts';
import {
  completeOptionsSchema,
  detailsOptionsSchema,
  generateOptionsSchema,
  samplesOptionsSchema,
} from '../src/sample/options.ts';
import { scoreOptionsSchema } from '../src/score/options.ts';
import { listenOptionsSchema, serverOptionsSchema } from '../src/server/options.ts';
import { trainingOptionsSchema } from '../src/train/options.ts';

/** The names of the library's options that are flags of a command. */
const LIBRARY_OPTIONS: ReadonlySet<string> = new Set(
  [
    trainingOptionsSchema,
    modelOptionsSchema,
    generateOptionsSchema,
    samplesOptionsSchema,
    detailsOptionsSchema,
    completeOptionsSchema,
    scoreOptionsSchema,
    serverOptionsSchema,
    listenOptionsSchema,
  ].flatMap((schema) => Object.keys(schema.shape)),
);

/** The whole of docs/flags.md. */
export function flagsMarkdown(): string {
  const intro =
    '# Flags\n\nMade from the code by `npm run docs`. A flag may have one dash or two, and `-` or `_` between words; ' +
    'its value is the next word, or follows `=`. "Option": its name in the [library](library.md). ' +
    '"Original": its name in char-rnn of 2015, if that has the flag; the default is the same.\n';
  return `${intro}\n${commands.map(table).join('\n')}`;
}

function table(command: Command): string {
  const rows = command.flags.map((flag) => {
    const { defaultValue } = flag.type;
    const shown = defaultValue === undefined || defaultValue === '' ? '' : `\`${defaultValue}\``;
    const value = valueName(flag).replaceAll('|', '\\|');
    const names = flagNames(flag)
      .map((own) => `\`${longFlag(own)}\``)
      .join(', ');
    const name = `${names}${value ? ` ${value}` : ''}`;
    const help = flag.info.help.replaceAll('|', '\\|');
    const original = originalFlag(flag);
    return [name, shown, help, optionName(flag), original ? `\`${original}\`` : ''];
  });
  return `### \`${command.usage}\`\n\n${aligned([['flag', 'default', 'meaning', 'option', 'original'], ...rows])}`;
}

function optionName({ key }: Flag): string {
  return LIBRARY_OPTIONS.has(key) ? `\`${key}\`` : '';
}

/** A Markdown table whose columns are also aligned in the source. */
function aligned(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return rows.map((row, index) => line(row) + (index === 0 ? rule : '')).join('');
}
