/**
 * Runs tests of the engine with native add-ons that have sanitizers: one for addresses and undefined behaviour, and one for data races. It
 * needs g++ and the libraries of its sanitizers.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** [sanitizer, library to load before node, environment, tests] */
const RUNS = [
  [
    'address',
    'libasan.so',
    { ASAN_OPTIONS: 'detect_leaks=0', UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1' },
    ['contract', 'bfloat16', 'int8', 'changed-commands'],
  ],
  [
    'thread',
    'libtsan.so',
    {
      TSAN_OPTIONS: `halt_on_error=1:ignore_noninstrumented_modules=1:suppressions=${join(root, 'native', 'tsan-suppressions.txt')}`,
    },
    ['contract', 'same-bits', 'crews', 'bfloat16', 'int8'],
  ],
];

if (spawnSync('g++', ['--version']).status !== 0) {
  console.error('g++ is needed: apt install g++');
  process.exit(1);
}
let failed = false;
for (const [sanitizer, library, options, tests] of RUNS) {
  console.log(`== ${sanitizer}`);
  const build = spawnSync(
    process.execPath,
    [join(root, 'scripts', 'build-native.mjs'), '--sanitize', sanitizer],
    { stdio: 'inherit' },
  );
  if (build.status !== 0) process.exit(1);
  const preload = execFileSync('g++', [`-print-file-name=${library}`], { encoding: 'utf8' }).trim();
  const addon = join(root, 'build', `native-${sanitizer}`, 'char-rnn.node');
  const files = tests.map((name) => join('test', 'engine', `${name}.test.ts`));
  for (const file of files) {
    const words = ['--import', 'tsx', '--test-name-pattern', 'native|bits', file];
    const { status, signal } = spawnSync(process.execPath, words, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...options, CHAR_RNN_ADDON: addon, LD_PRELOAD: preload },
    });
    if (status !== 0) {
      console.error(`${file} failed under the ${sanitizer} sanitizer (${signal ?? `exit code ${status}`})`);
      failed = true;
    }
  }
}
process.exit(failed ? 1 : 0);
