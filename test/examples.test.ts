/** Runs the examples in TypeScript as a person would. test/cli/convert.test.ts runs the one in Python. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { root } from './cli/command.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The expected output of each. */
const EXPECTED: Readonly<Record<string, RegExp>> = {
  'serve.ts': /^listening on http:\/\/127\.0\.0\.1:\d+\/v1\nthe keeper [a-z. ]{60}\n$/,
  'train-and-sample.ts': /validation loss \d\.\d{3}\n[\s\S]*the keeper /,
  'stop-and-save.ts':
    /^interrupted after \d+ iterations: .*_i\d+\.safetensors\n[\d]+ parameters, \d+ characters\n$/,
  // Two hundred lines, no two the same.
  'name-generator.ts': /^(?!.*^(.+)$.*^\1$)(\w+\n){200}$/ms,
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
    if (name === 'name-generator.ts') checkNames(stdout);
  });
}

/** Checks that none of the names is in the list that the example trains on. */
function checkNames(stdout: string): void {
  const example = readFileSync(new URL('../examples/name-generator.ts', import.meta.url), 'utf8');
  const known = new Set(/`([\w\s]+)`/.exec(example)?.[1]?.split(/\s+/));
  assert.ok(known.size > 150);
  for (const name of stdout.trimEnd().split('\n')) assert.ok(!known.has(name), name);
}
