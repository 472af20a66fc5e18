import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { test } from 'node:test';
import { init, parse } from 'es-module-lexer';
import { flagsMarkdown } from '../../scripts/flags-markdown.ts';
import { commands } from '../../src/cli/commands/index.ts';
import { commandHelp } from '../../src/cli/help/help.ts';
import { overview } from '../../src/cli/help/overview.ts';
import { columnsOf } from '../../src/cli/terminal/text-width.ts';
import { charRnn, root } from './command.ts';
import { residentCharRnn } from './resident.ts';

const resident = residentCharRnn();

test('--help, help, and no words at all', async () => {
  const { code, stdout, stderr } = await charRnn(['--help']);
  assert.deepEqual([code, stderr], [0, '']);
  for (const command of ['train', 'sample', 'inspect'])
    assert.match(stdout, new RegExp(`^  ${command} `, 'm'));
  assert.equal((await charRnn(['help'])).stdout, stdout);
  assert.equal((await charRnn(['-h'])).stdout, stdout);
  const nothing = await charRnn([]);
  assert.deepEqual([nothing.code, nothing.stdout, nothing.stderr], [2, '', stdout]);
});

test('the overview fits 80 columns; no help has two empty lines in a row', () => {
  const lines = overview('char-rnn').split('\n');
  assert.deepEqual(
    lines.filter((line) => columnsOf(line) > 80),
    [],
  );
  for (const text of [overview('char-rnn'), ...commands.map((command) => commandHelp(command))]) {
    assert.doesNotMatch(text, /\n\n\n/, text);
  }
});

test('on a small screen the help has a line for each group of flags, and no heading without a flag', () => {
  for (const command of commands) {
    const help = commandHelp(command, { rows: 3, columns: 80 });
    assert.doesNotMatch(help, /^.*:\n\n/m, help);
    if (!command.flags.every(({ info }) => info.common)) assert.match(help, /--help \| less$/m);
    const shown = command.flags.filter(({ info }) => !help.includes(`--${info.flag.replaceAll('_', '-')}`));
    assert.deepEqual(shown, [], command.name);
  }
});

test('--version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const flag of ['--version', '-v', '-V']) {
    assert.equal((await charRnn([flag])).stdout, `${version}\n`);
  }
});

test('the help of each command fits a screen in width, whichever way it is asked for', async () => {
  for (const command of ['train', 'sample', 'inspect', 'convert']) {
    const { code, stdout } = await resident([command, '--help']);
    assert.equal(code, 0);
    assert.equal((await resident(['help', command])).stdout, stdout);
    assert.ok(stdout.split('\n').every((line) => line.length <= 100));
  }
});

test('an unknown command, a flag before the command', async () => {
  const typo = await charRnn(['trian', 'book.txt']);
  assert.equal(typo.code, 2);
  assert.match(typo.stderr, /unknown command trian\.\nDid you mean:\n {2}.* train book\.txt\n/);
  assert.equal((await charRnn(['-rnn_size', '3'])).code, 2);
});

await init;

/** The modules that a source file imports when it is loaded: paths within src/, or names of packages. */
function imports(path: string): string[] {
  const code = readFileSync(join(root, 'src', path), 'utf8');
  const [found] = parse(code);
  return found.flatMap((item) => {
    const { specifier } = item;
    if (typeof specifier !== 'string' || item.type === 'dynamic' || item.typeOnly) return [];
    return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier;
  });
}

test('--help loads no module of a command and no package', () => {
  assert.deepEqual(imports('cli/main.ts'), ['cli/run-program.ts']);
  const needed = imports('cli/run-program.ts');
  assert.ok(needed.includes('cli/help/overview.ts'));
  for (const name of needed) {
    const others = imports(name).filter((other) => !other.startsWith('node:'));
    assert.deepEqual(others, [], name);
  }
});

test('the help of a command and completions load no engine, no file format and no search', () => {
  const loaded = new Set(['cli/commands/index.ts', 'cli/run-command.ts', 'cli/run/completions.ts']);
  for (const path of loaded) {
    for (const name of imports(path)) if (name.endsWith('.ts')) loaded.add(name);
  }
  assert.ok(loaded.has('cli/commands/train.ts'));
  const heavy =
    /^(engine\/(cpu|reference|select)|formats\/(?!format-names)|checkpoint\/(?!stored-precision)|model\/(?!option-values|unit-names)|sample\/pool)/;
  assert.deepEqual(
    [...loaded].filter((path) => heavy.test(path)),
    [],
  );
  assert.ok(loaded.size < 86, `${loaded.size} modules`);
});

/** The size of modules of the package and of all that they import when they are loaded, in bytes. @param names Those in dist/chunks/. */
function loadedBytes(names: RegExp, count: number): number {
  const chunks = join(root, 'dist', 'chunks');
  const replaced = join(chunks, '.npmignore');
  const old = existsSync(replaced) ? readFileSync(replaced, 'utf8').split('\n') : [];
  const found = readdirSync(chunks).filter((name) => names.test(name) && !old.includes(name));
  assert.equal(found.length, count, found.join());
  const seen = new Set<string>();
  const bytes = (path: string): number => {
    if (seen.has(path)) return 0;
    seen.add(path);
    const code = readFileSync(path, 'utf8');
    const others = Array.from(code.matchAll(/(?:from|import)"(\.[^"]+)"/g), ([, name = '']) =>
      bytes(join(dirname(path), name)),
    );
    return others.reduce((sum, other) => sum + other, code.length);
  };
  return found.reduce((sum, name) => sum + bytes(join(chunks, name)), 0);
}

test('in the package, the help of a command loads a small part of the program', () => {
  const size = loadedBytes(/^(commands|run-command)-/, 2);
  assert.ok(size > 50_000 && size < 250_000, `${size} bytes`);
});

test('in the package, the state of a sweep is shown without loading the model', () => {
  const size = loadedBytes(/^(commands|run-command|sweep)-[A-Z0-9]{8}\.js$/, 3);
  assert.ok(size > 50_000 && size < 250_000, `${size} bytes`);
});

test('the overview has every command', () => {
  const listed = Array.from(overview('char-rnn').matchAll(/^ {2}([a-z-]+) .* {2}\S/gm), ([, name]) => name);
  const names = commands.map(({ name }) => name);
  assert.deepEqual(
    listed.filter((name) => name !== 'help' && !name?.startsWith('-')).sort(),
    names.toSorted(),
  );
});

test('help prints flags as --kebab-case, and the spelling of the original in brackets', () => {
  for (const command of commands) {
    const help = commandHelp(command, { columns: 100 });
    const original = Array.from(help.matchAll(/\[(-\w+)\]/g), ([, name]) => name);
    const expected = command.flags
      .filter(({ info }) => info.original && info.flag.includes('_'))
      .map(({ info }) => `-${info.flag}`);
    assert.deepEqual(original.sort(), expected.sort(), command.name);
    assert.doesNotMatch(help.replaceAll(/\[-\w+\]/g, ''), /(?<![\w-])--?[a-z]+_/, command.name);
  }
});

test('docs/flags.md is what the code says', () => {
  assert.equal(readFileSync(join(root, 'docs', 'flags.md'), 'utf8'), flagsMarkdown(), 'run npm run docs');
});

test('help is broken between words at the width of the terminal', () => {
  for (const command of commands) {
    for (const columns of [50, 72, 100]) {
      const lines = commandHelp(command, { columns }).split('\n');
      const text = lines.slice(1, lines.indexOf('Examples:'));
      const long = text.filter(
        (line) => columnsOf(line) > columns && / /.test(line.trim().replace(/^(-\S+,? ?)+/, '')),
      );
      assert.deepEqual(long, [], `${command.name}, ${columns} columns`);
      assert.equal(
        lines.join(' ').replace(/\s+/g, ' '),
        commandHelp(command, { columns: 100 }).replace(/\s+/g, ' '),
      );
    }
  }
});
