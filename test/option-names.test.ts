/** Messages of the library name options, in backticks. The command line replaces them by flags. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { flagNames } from '../src/cli/arguments/flag-table.ts';
import { inFlags } from '../src/cli/arguments/flags-in-messages.ts';
import { commands } from '../src/cli/commands/index.ts';
import { trainCommand } from '../src/cli/commands/train.ts';

const source = fileURLToPath(new URL('../src', import.meta.url));

const names = [...new Set(commands.flatMap(({ flags }) => flags.flatMap(flagNames)))];
const spelled = names.flatMap((name) => [name, name.replaceAll('_', '-')]);
const DASHED = new RegExp(`(?<![\\w-])(--?)(${spelled.join('|')})(?![\\w-])`, 'g');
/** The original's names of training options. In other modules, such as the server's protocol, these names mean other things. */
const ORIGINAL = new RegExp(
  `(?<![\\w/])(${trainCommand.flags
    .flatMap(flagNames)
    .filter((name) => name.includes('_'))
    .join('|')})(?!\\w)`,
);

/** Lines of code that name flags: help is read at the command line, a flag alone is a word of a command, and other programs have flags too. */
function flagsIn(path: string): string[] {
  const lines = readFileSync(join(source, path), 'utf8').split('\n');
  return lines.flatMap((line, index) => {
    if (/^\s*(\/\/|\/?\*)|\b(flag|aliases|help):/.test(line)) return [];
    const code = line.replace(/\/\*\*?.*?\*\//g, '').replace(/'--[\w-]+'|(bunzip2|unxz) --keep/g, '');
    const isText = /['"`]/.test(code) || !/[;{}=(]/.test(code);
    const isDashed = isText && [...code.matchAll(DASHED)].some(([, , name = '']) => name.length > 1);
    const isOriginal = /^(train|data)\//.test(path) && isText && ORIGINAL.test(code);
    return isDashed || isOriginal ? [`${path}:${index + 1}: ${line.trim()}`] : [];
  });
}

test('no message of the library names a flag', () => {
  const files = readdirSync(source, { recursive: true })
    .map((name) => String(name).replaceAll('\\', '/'))
    // The Python module names the command that wrote it, and the page's style has custom properties (--name).
    .filter((name) => name.endsWith('.ts') && !/^cli\/|python-module|page-style/.test(name));
  assert.ok(files.length > 200);
  assert.deepEqual(files.flatMap(flagsIn), []);
});

test('a name in backticks becomes a flag, if the command has it', () => {
  const message = 'Try a smaller `batchSize`, or let `fit` choose; `toString` and `beam` stay.';
  assert.equal(
    inFlags(message, trainCommand.flags),
    'Try a smaller --batch-size, or let --fit choose; `toString` and `beam` stay.',
  );
});
