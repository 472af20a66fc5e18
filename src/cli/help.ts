/** The help of a command, from its flags. */
import type { OptionGroup } from '../util/option-info.ts';
import type { Command } from './commands.ts';
import { type Flag, valueName } from './flag-table.ts';

const GROUPS: readonly OptionGroup[] = [
  'Text',
  'Model',
  'Training',
  'Sampling',
  'Scoring',
  'Choice',
  'Form',
  'Ends',
  'Output',
  'Serving',
  'Limits',
  'Device',
];

/** Columns of a screen that can be counted on. */
const WIDTH = 100;

export function commandHelp(command: Command): string {
  const common = command.flags.filter((flag) => flag.info.common);
  const rest = command.flags.filter((flag) => !flag.info.common);
  const column = Math.max(0, ...command.flags.map((flag) => heading(flag).length)) + 2;
  const lines = [`Usage: ${command.usage}`, '', command.summary, ''];
  const section = (title: string, flags: readonly Flag[]) => {
    if (flags.length === 0) return;
    lines.push(`${title}:`);
    for (const flag of flags) lines.push(...entry(flag, column));
  };
  section('Used first', common);
  for (const group of GROUPS) {
    section(
      group,
      rest.filter((flag) => flag.info.group === group),
    );
  }
  lines.push('', 'Examples:', ...command.examples.map((example) => `  ${example}`));
  if (command.flags.length === 0) return `${lines.join('\n')}\n`;
  lines.push(
    '',
    'Flags may have one dash or two, and - for _: -rnn_size 256, --rnn-size 256, --rnn_size=256.',
  );
  return `${lines.join('\n')}\n`;
}

function heading(flag: Flag): string {
  return `  -${flag.info.flag} ${valueName(flag)}`.trimEnd();
}

/** A flag, what it means, and its default: on one line, or folded under it. */
function entry(flag: Flag, column: number): string[] {
  const { defaultValue } = flag.type;
  const shown =
    defaultValue === undefined ||
    defaultValue === '' ||
    defaultValue === false ||
    Array.isArray(defaultValue);
  const text = flag.info.help + (shown ? '' : ` (${defaultValue})`);
  const [first = '', ...more] = fold(text, WIDTH - column);
  return [heading(flag).padEnd(column) + first, ...more.map((line) => ' '.repeat(column) + line)];
}

/** Breaks a text at spaces into lines of at most `width` characters, where words allow. */
function fold(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line ? `${line} ${word}` : word;
    }
  }
  return [...lines, line];
}
