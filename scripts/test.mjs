/**
 * Runs the tests with Node's test runner: all of them, or those whose path contains one of the given words.
 *
 *     npm test              everything, after a build
 *     npm test -- data      test/data/…, and any file with "data" in its name
 *     node scripts/test.mjs data/decode            without a build: takes seconds, for tests that only use src/
 *     node scripts/test.mjs --watch data/decode    again whenever a file that the tests import changes
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleCli } from './bundle-cli.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const isWatch = process.argv.includes('--watch');
const words = process.argv.slice(2).filter((word) => word !== '--watch');

const files = readdirSync(join(root, 'test'), { recursive: true })
  .map((name) => join('test', String(name)))
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => words.length === 0 || words.some((word) => relative('test', name).includes(word)))
  .sort();

if (files.length === 0) {
  console.error(`no test file has ${words.join(' or ')} in its path`);
  process.exit(2);
}

const program = await bundleCli();
const result = spawnSync(
  process.execPath,
  [
    ...['--import', 'tsx', '--test', ...(isWatch ? ['--watch'] : [])],
    ...[`--test-concurrency=${availableParallelism()}`, ...files],
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(program !== undefined && { CHAR_RNN_TEST_PROGRAM: program }) },
  },
);
process.exit(result.status ?? 1);
