/** scripts/test.mjs runs the tests that its words name, or none. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './cli/command.ts';

test('a word that names no test file is an error, even if another word names one', () => {
  const words = ['ui/read-log', 'no-such-test', 'nor-this'];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'scripts', 'test.mjs'), ...words],
    { encoding: 'utf8' },
  );
  assert.deepEqual([status, stdout], [2, '']);
  assert.equal(stderr, 'no test file has no-such-test or nor-this in its path below test/\n');
});
