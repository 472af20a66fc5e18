/** Every command line of the README, the documentation and the help, run as typed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { commands } from '../../src/cli/commands/index.ts';
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
  { line: /^node scripts\/test\.mjs\b/, reason: 'the tests, of which this is one' },
  { line: /\bbuild-native\b/, reason: 'test/engine/addon.test.ts builds it' },
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
  { program: 'jq', words: /\bjq\b/, isThere: spawnSync('jq', ['--version']).status === 0 },
  {
    program: 'PyTorch',
    words: /\bpython3\b/,
    isThere: spawnSync('python3', ['-c', 'import torch, safetensors']).status === 0,
  },
].filter(({ isThere }) => !isThere);

const pages = [...readdirSync(root), ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md'),
);

for (const page of pages) {
  const lines = commandLines(readFileSync(join(root, page), 'utf8'));
  if (lines.length > 0) runAll(page, lines);
}

for (const command of commands) {
  runAll(`help of ${command.name}`, command.examples);
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
