/** Every command line of the README, the documentation and the help, run as typed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { programName, shellWord } from '../../src/cli/arguments/program-name.ts';
import { commands } from '../../src/cli/commands/index.ts';
import { completionScript, SHELLS } from '../../src/cli/help/completion-scripts.ts';
import { commandHelp } from '../../src/cli/help/help.ts';
import { overview } from '../../src/cli/help/overview.ts';
import { root } from '../cli/command.ts';
import { commandLines } from './extract.ts';
import { makeWorld } from './world.ts';

/** Lines that this test does not run, with the reason. */
const NOT_RUN: readonly { readonly line: RegExp; readonly reason: string }[] = [
  { line: /^npm (ci|test|start|run)\b/, reason: 'the build of this checkout, which is what runs this test' },
  {
    line: /^npx tsx examples\//,
    reason: 'test/examples.test.ts and test/browser/example-page.test.ts run them',
  },
  { line: /^node --import tsx bench\//, reason: 'a benchmark, which takes minutes or hours' },
  { line: /^node scripts\/test\.mjs\b/, reason: 'the tests, of which this is one' },
  { line: /--engine webgpu\b/, reason: 'it needs a GPU: test/cli/gpu-flags.test.ts runs it' },
  {
    line: /--database\b|\bsweep worker\b/,
    reason: 'it needs PostgreSQL: test/sweep/postgres runs such commands',
  },
  { line: /\bbuild-native\b/, reason: 'test/engine/addon.test.ts builds it' },
  {
    line: /\bchar-rnn (sample|serve)( --|$)/,
    reason: 'without a checkpoint, it needs a folder without models: test/cli/example-model.test.ts runs it',
  },
  { line: /^npm (install|link)\b/, reason: 'test/package.test.ts installs the package' },
  { line: /^npx (-y )?char-rnn-ts\b/, reason: 'the same, once it is published' },
  { line: /^(sudo )?apt(-get)? /, reason: "changes the machine's packages" },
];

const world = await makeWorld();
const restore = world.snapshot();
after(() => world.remove());

/** Programs that some lines need beside ours, where they are not installed. */
const missing = [
  { program: 'curl', words: /\bcurl\b/, isThere: existsSync('/usr/bin/curl') },
  { program: 'less', words: /\bless\b/, isThere: spawnSync('less', ['--version']).status === 0 },
  { program: 'jq', words: /\bjq\b/, isThere: spawnSync('jq', ['--version']).status === 0 },
  {
    program: 'PyTorch',
    words: /\bpython3\b/,
    isThere: spawnSync('python3', ['-c', 'import torch, safetensors']).status === 0,
  },
].filter(({ isThere }) => !isThere);

const inDocs = readdirSync(join(root, 'docs'), { recursive: true }).map((name) => `docs/${name}`);
const pages = [...readdirSync(root), ...inDocs].filter((name) => name.endsWith('.md'));

for (const page of pages) {
  const lines = commandLines(readFileSync(join(root, page), 'utf8'));
  if (lines.length > 0) runAll(page, lines);
}

for (const command of commands) {
  runAll(`help of ${command.name}`, command.examples);
}

const TO_START = 'To start:\n';
const start = overview('char-rnn');
runAll(
  'the overview',
  linesIn(start.slice(start.indexOf(TO_START) + TO_START.length), /^ +(char-rnn .+)$/gm),
);

// On a small screen each command has a short help, which names the command that prints all of it.
const shortHelps = commands
  .map((command) => commandHelp(command, { rows: 1, columns: 1000 }))
  .filter((help) => help.includes('| less\n'));
runAll(
  'the short helps',
  shortHelps
    .flatMap((help) => linesIn(help, /^ +(.+ --help \| less)$/gm))
    .map((line) => line.replace(programName(), 'char-rnn')),
);
test('the overview and each short help name command lines', () => {
  assert.ok(start.includes(TO_START) && shortHelps.length > 5);
});

runAll(
  'the completion scripts',
  SHELLS.flatMap((shell) =>
    linesIn(completionScript(shell, commands), /^# .*: (.*char-rnn completions .+)$/gm),
  ),
);

const startScript = readFileSync(join(root, 'scripts', 'start.mjs'), 'utf8');
runAll('npm start', [
  `npx char-rnn train book.txt ${wordsIn(startScript, /run\('train', folder, (.*)\);/)}`,
  `npx char-rnn sample cv ${wordsIn(startScript, /run\('sample', newest, (.*)\);/)}`,
  ...linesIn(startScript, /(npx char-rnn (?:train YOUR\.txt|--help))/g),
]);

/** The constant words in a call of a script's `run`, for a shell. */
function wordsIn(script: string, call: RegExp): string {
  const [, code = ''] = call.exec(script) ?? [];
  const literals = code.matchAll(/'([^']*)'/g);
  const words = Array.from(literals, ([, word = '']) => shellWord(word));
  assert.ok(
    words.some((word) => word.startsWith('--')),
    `no flag in:\n${code}`,
  );
  return words.join(' ');
}

/** The command lines that a pattern captures in a text; a message if there is none. */
function linesIn(text: string, pattern: RegExp): string[] {
  const lines = Array.from(text.matchAll(pattern), ([, line = '']) => line.replace('YOUR.txt', 'book.txt'));
  assert.ok(lines.length > 0, `no command line in:\n${text.slice(0, 500)}`);
  return lines;
}

function runAll(title: string, typed: readonly string[]): void {
  test(`${title}: its command lines work as printed`, async (context) => {
    // One script for all of them: a server that one block starts answers the next one.
    const lines = typed.filter((line) => !NOT_RUN.some((exception) => exception.line.test(line)));
    const script = lines.filter((line) => !missing.some(({ words }) => words.test(line)));
    for (const { program, words } of missing) {
      if (lines.some((line) => words.test(line)))
        context.diagnostic(`without ${program}: its lines were left out`);
    }
    restore();
    const { code, stdout, stderr } = await world.run(script);
    assert.equal(code, 0, `${title}:\n${stdout.slice(-500)}\n${stderr.slice(-1500)}`);
  });
}
