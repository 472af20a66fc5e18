/** The help of a command, from its flags. */
import type { OptionGroup } from '../util/option-info.ts';
import { commandLine, programName } from './command-line.ts';
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
/** Columns of a group's name before its flags. */
const LABEL = 13;

/**
 * @param rows Lines of the screen that shows it: where the help is longer, only the flags that are used first are explained. Absent:
 *   all are.
 */
export function commandHelp(command: Command, rows?: number): string {
  const whole = fullHelp(command);
  if (rows === undefined || whole.split('\n').length <= rows) return whole;
  return shortHelp(command);
}

function shortHelp(command: Command): string {
  const common = command.flags.filter((flag) => flag.info.common);
  const column = Math.max(0, ...common.map((flag) => heading(flag).length)) + 2;
  const groups = GROUPS.flatMap((group) => {
    const names = command.flags
      .filter((flag) => flag.info.group === group && !flag.info.common)
      .map((flag) => `-${flag.info.flag}`);
    if (names.length === 0) return [];
    return fold(names.join(' '), WIDTH - LABEL).map(
      (line, index) => (index === 0 ? `  ${group}:` : '').padEnd(LABEL) + line,
    );
  });
  return lines([
    ...head(command),
    'Used first:',
    ...common.flatMap((flag) => entry(flag, column)),
    '',
    `All others, explained by ${commandLine([command.name, '--help'])} | less and in docs/flags.md:`,
    ...groups,
    ...examples(command),
  ]);
}

function fullHelp(command: Command): string {
  const common = command.flags.filter((flag) => flag.info.common);
  const rest = command.flags.filter((flag) => !flag.info.common);
  const column = Math.max(0, ...command.flags.map((flag) => heading(flag).length)) + 2;
  const section = (title: string, flags: readonly Flag[]) =>
    flags.length === 0 ? [] : [`${title}:`, ...flags.flatMap((flag) => entry(flag, column))];
  return lines([
    ...head(command),
    ...section('Used first', common),
    ...GROUPS.flatMap((group) =>
      section(
        group,
        rest.filter((flag) => flag.info.group === group),
      ),
    ),
    ...examples(command),
    ...(command.flags.length === 0
      ? []
      : ['', 'Flags may have one dash or two, and - for _: -rnn_size 256, --rnn-size 256, --rnn_size=256.']),
  ]);
}

function head({ usage, summary }: Command): string[] {
  return [`Usage: ${asStarted(usage)}`, '', summary, ''];
}

function examples(command: Command): string[] {
  return ['', 'Examples:', ...command.examples.map((example) => `  ${asStarted(example)}`)];
}

/** A command line for a reader: with the program's name as it was started. */
function asStarted(line: string): string {
  return line.replace(/(?<=^|\| )char-rnn(?= )/g, programName());
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
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
