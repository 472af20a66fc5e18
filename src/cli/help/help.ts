/** The help of a command. */
import type { OptionGroup } from '../../util/option-info.ts';
import { commandLine } from '../arguments/command-line.ts';
import { type Flag, flagNames, longFlag, originalFlag, valueName } from '../arguments/flag-table.ts';
import { programName } from '../arguments/program-name.ts';
import type { Command } from '../command.ts';
import { wrap } from '../terminal/text-width.ts';

const GROUPS: readonly OptionGroup[] = [
  'Input',
  'Text',
  'Model',
  'Training',
  'Sampling',
  'Scoring',
  'Choice of symbols',
  'Form of a text',
  'Where a text ends',
  'Output',
  'Serving',
  'Limits',
  'Device',
];

/** The largest width, in columns, and the width if the screen's is unknown. */
const MAX_WIDTH = 100;
const MIN_WIDTH = 40;
/** Columns that a flag's meaning needs next to its name; with fewer it goes below the name. */
const MIN_MEANING = 40;
/** Indentation of a meaning below its flag. */
const INDENT = 6;

/** The size of the terminal. */
export interface Screen {
  readonly rows?: number | undefined;
  readonly columns?: number | undefined;
}

/**
 * The help of a command. It explains all flags or, if that does not fit the given rows, only those that are used most.
 */
export function commandHelp(command: Command, { rows, columns = MAX_WIDTH }: Screen = {}): string {
  const width = Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, columns));
  const whole = fullHelp(command, width);
  const isShort = command.flags.every((flag) => flag.info.common);
  if (isShort || rows === undefined || whole.split('\n').length <= rows) return whole;
  return shortHelp(command, width);
}

function shortHelp(command: Command, width: number): string {
  const common = command.flags.filter((flag) => flag.info.common);
  const column = Math.max(0, ...common.map((flag) => heading(flag).length)) + 2;
  const others = command.flags.filter((flag) => !flag.info.common);
  const label = Math.max(0, ...others.map(({ info }) => info.group.length)) + '  : '.length;
  const groups = GROUPS.flatMap((group) => {
    const names = others.filter((flag) => flag.info.group === group).map((flag) => longFlag(flag.info.flag));
    if (names.length === 0) return [];
    return wrap(names.join(' '), width - label).map(
      (line, index) => (index === 0 ? `  ${group}:` : '').padEnd(label) + line,
    );
  });
  return lines([
    ...head(command, width),
    ...(common.length > 0 ? ['Most used:', ...common.flatMap((flag) => entry(flag, column, width)), ''] : []),
    common.length > 0 ? 'Other flags, explained in docs/flags.md:' : 'Flags, explained in docs/flags.md:',
    ...groups,
    '',
    'To read about all flags:',
    `  ${commandLine([command.name, '--help'])} | less`,
    ...examples(command),
  ]);
}

function fullHelp(command: Command, width: number): string {
  const common = command.flags.filter((flag) => flag.info.common);
  const rest = command.flags.filter((flag) => !flag.info.common);
  const column = Math.max(0, ...command.flags.map((flag) => heading(flag).length)) + 2;
  const section = (title: string, flags: readonly Flag[]) =>
    flags.length === 0 ? [] : [`${title}:`, ...flags.flatMap((flag) => entry(flag, column, width))];
  return lines([
    ...head(command, width),
    ...section('Most used', common),
    ...GROUPS.flatMap((group) =>
      section(
        group,
        rest.filter((flag) => flag.info.group === group),
      ),
    ),
    ...examples(command),
    ...forms(command, width),
  ]);
}

/** How to read and type flags. */
function forms({ flags }: Command, width: number): string[] {
  if (flags.length === 0) return [];
  const typed = 'In parentheses: the default. A flag may have one dash or two, and - or _ between words.';
  const isSpelled = flags.some((flag) => originalSpelling(flag) !== undefined);
  return ['', ...wrap(isSpelled ? `${typed} In brackets: its name in the original.` : typed, width)];
}

/** The original's name of a flag, if it differs by more than a dash. */
function originalSpelling(flag: Flag): string | undefined {
  const original = originalFlag(flag);
  return original?.includes('_') ? original : undefined;
}

function head({ usage, summary }: Command, width: number): string[] {
  const paragraphs = summary.split('\n').flatMap((line) => wrap(line, width));
  return [`Usage: ${asStarted(usage)}`, '', ...paragraphs, ''];
}

function examples(command: Command): string[] {
  // Flags end without an empty line; a summary ends with one.
  const gap = command.flags.length > 0 ? [''] : [];
  return [...gap, 'Examples:', ...command.examples.map((example) => `  ${asStarted(example)}`)];
}

/** A command line with the name by which the program was started. */
function asStarted(line: string): string {
  return line.replace(/(?<=^|\| )char-rnn(?= )/g, programName());
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

function heading(flag: Flag): string {
  const names = flagNames(flag).map(longFlag);
  return `  ${names.join(', ')} ${valueName(flag)}`.trimEnd();
}

/** A flag with its meaning, its default and its name in the original. */
function entry(flag: Flag, column: number, width: number): string[] {
  const { defaultValue } = flag.type;
  const isHidden =
    defaultValue === undefined ||
    defaultValue === '' ||
    defaultValue === false ||
    Array.isArray(defaultValue);
  const original = originalSpelling(flag);
  const text = `${flag.info.help}${isHidden ? '' : ` (${defaultValue})`}${original ? ` [${original}]` : ''}`;
  if (width - column < MIN_MEANING) {
    return [heading(flag), ...wrap(text, width - INDENT).map((line) => ' '.repeat(INDENT) + line)];
  }
  const [first = '', ...more] = wrap(text, width - column);
  return [heading(flag).padEnd(column) + first, ...more.map((line) => ' '.repeat(column) + line)];
}
