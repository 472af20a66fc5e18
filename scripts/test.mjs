/**
 * Runs the tests with Node's test runner: all of them, or those whose path contains one of the given words.
 *
 *     npm test              everything, after a build, except what runs by itself: tests on a software GPU or a PostgreSQL server, and long ones
 *     npm test -- --by-themselves    these
 *     npm test -- data      test/data/…, and any file with "data" in its name
 *     node scripts/test.mjs data/decode            without a build: takes seconds, for tests that only use src/
 *     node scripts/test.mjs --watch data/decode    again whenever a file that the tests import changes
 *
 * It bundles the files into a folder of build/ first, and removes that at the end (scripts/bundle-tests.mjs). With --watch, they run through
 * tsx instead, as does one file alone: node --import tsx --test test/data/decode.test.ts
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleTests } from './bundle-tests.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Tests that take long, or need a server or a compiler, and fail only after rare changes: they run if their path is asked for, and in .ci/run. */
const BY_THEMSELVES = [
  'soak',
  'postgres',
  'neon',
  'wasm-binaries',
  'kernel-symbols',
  'engine/waits',
  'build.test',
  'package.test',
  'web/pages',
  'web/sweeps',
  'inspect/dial',
];
/** Files with tests on a software GPU. In `npm test`, these tests skip (test/engine/webgpu/software.ts), and the others of the files run. */
const ON_SOFTWARE_GPU = ['webgpu', 'lost-devices', 'gpu-flags'];

const given = process.argv.slice(2);
const isWatch = given.includes('--watch');
const words = given.includes('--by-themselves')
  ? [...ON_SOFTWARE_GPU, ...BY_THEMSELVES]
  : given.filter((word) => word !== '--watch');

const all = readdirSync(join(root, 'test'), { recursive: true })
  .map((name) => join('test', String(name)))
  .filter((name) => name.endsWith('.test.ts'))
  .sort();
const has = (name, word) => relative('test', name).includes(word);
const unmatched = words.filter((word) => !all.some((name) => has(name, word)));
if (unmatched.length > 0) {
  console.error(`no test file has ${unmatched.join(' or ')} in its path below test/`);
  process.exit(2);
}
const files = all.filter((name) =>
  words.length === 0 ? !BY_THEMSELVES.some((word) => has(name, word)) : words.some((word) => has(name, word)),
);

if (words.length === 0) console.log('# not among these tests: npm test -- --by-themselves');

mkdirSync(join(root, 'build'), { recursive: true });
const folder = mkdtempSync(join(root, 'build', 'tests-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const failures = join(folder, 'failures.txt');

const runner = spawn(
  process.execPath,
  [
    ...(isWatch ? ['--import', 'tsx', '--test', '--watch'] : ['--enable-source-maps', '--test']),
    // One more than processors: some tests wait for timers and for programs that start.
    `--test-concurrency=${availableParallelism() + 1}`,
    ...reporter(process.stdout.isTTY ? 'spec' : 'tap', 'stdout'),
    ...reporter(join(root, 'scripts', 'failed-tests.mjs'), failures),
    ...(isWatch ? files : await bundleTests(files, folder)),
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      // Tests that compute on a software GPU run only if their path is asked for.
      ...(words.length === 0 && { CHAR_RNN_ALL_TESTS: '1' }),
    },
  },
);
// Ctrl-C reaches the runner too. This script ends after it.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => runner.kill());
runner.on('close', (status) => {
  // Again at the end, where they are found.
  const failed = existsSync(failures) ? readFileSync(failures, 'utf8') : '';
  if (failed !== '') console.error(`\nThese tests failed:\n${failed}`);
  process.exit(status ?? 1);
});

/**
 * The arguments for a reporter of the runner.
 *
 * @param {string} name Of a reporter of Node, or the path of its module.
 * @param {string} destination
 */
function reporter(name, destination) {
  return [`--test-reporter=${name}`, `--test-reporter-destination=${destination}`];
}
