/** The examples in TypeScript, as a person runs them; that in Python is in test/cli/convert.test.ts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { root } from './cli/command.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** What each prints. */
const EXPECTED: Readonly<Record<string, RegExp>> = {
  'train-and-sample.ts': /validation loss \d\.\d{3}\n[\s\S]*the keeper /,
  'stop-and-save.ts':
    /^interrupted after \d+ iterations: .*_i\d+\.safetensors\n[\d]+ parameters, \d+ characters\n$/,
  'name-generator.ts': /^(\w+\n){8}$/,
};

const programs = readdirSync(new URL('../examples', import.meta.url)).filter((name) => name.endsWith('.ts'));
for (const name of programs) {
  test(`examples/${name}`, (context) => {
    const folder = temporaryFolder(context);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', `examples/${name}`, folder],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
    assert.equal(status, 0, stderr);
    assert.match(stdout, EXPECTED[name] ?? /^no expectation$/);
  });
}
