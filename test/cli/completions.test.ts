/** Completion scripts, run by the shells that are here. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commands } from '../../src/cli/commands/index.ts';
import { completionScript, SHELLS } from '../../src/cli/help/completion-scripts.ts';
import { sharedFolder } from '../temporary-folder.ts';

const folder = sharedFolder();

function scriptOf(shell: (typeof SHELLS)[number]): string {
  const path = join(folder, `completions.${shell}`);
  writeFileSync(path, completionScript(shell, commands));
  return path;
}

const has = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;

test('bash completes commands, flags in both styles, choices, and otherwise file names', {
  skip: has('bash') ? false : 'bash is not installed',
}, () => {
  const script = scriptOf('bash');
  const complete = (...words: string[]) => {
    const list = words.map((word) => `'${word}'`).join(' ');
    const run = `. '${script}'; COMP_WORDS=(char-rnn ${list}); COMP_CWORD=${words.length}; _char_rnn; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', run], { encoding: 'utf8' }).split('\n').filter(Boolean);
  };
  assert.deepEqual(complete('tr'), ['train']);
  assert.ok(complete('').length > commands.length);
  assert.deepEqual(complete('train', 'a.txt', '--rnn'), ['--rnn-size']);
  assert.deepEqual(complete('train', '-rnn'), ['-rnn_size']);
  assert.deepEqual(complete('sample', 'm', '--pro'), ['--prompt']);
  assert.deepEqual(complete('train', '-model', ''), ['lstm', 'gru', 'rnn']);
  assert.deepEqual(complete('train', '--gru-reset', 'a'), ['after']);
  assert.deepEqual(complete('eval', 'm', '--unknown', 'n'), ['nearest']);
  assert.deepEqual(complete('completions', 'z'), ['zsh']);
  assert.deepEqual(complete('help', 'ser'), ['serve']);
  assert.deepEqual(complete('train', 'book'), []);
});

for (const shell of ['zsh', 'fish'] as const) {
  test(`${shell} reads its script`, { skip: has(shell) ? false : `${shell} is not installed` }, () => {
    execFileSync(shell, ['-n', scriptOf(shell)]);
  });
}

test('every command and flag is in every script', () => {
  for (const shell of SHELLS) {
    const script = completionScript(shell, commands);
    for (const { name, flags } of commands) {
      assert.ok(script.includes(name), `${shell}: ${name}`);
      for (const { info } of flags)
        assert.ok(script.includes(info.flag.replaceAll('_', '-')), `${shell}: ${info.flag}`);
    }
  }
});
