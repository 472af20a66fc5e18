/**
 * What npm runs after an install in a checkout, and before a package is packed: builds dist/ and, where there is a C++ compiler, the native
 * engine.
 *
 * The first `npx char-rnn` in a checkout makes npm link the package to itself, for which it runs this too: the program that is there then
 * stays as it is.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const scripts = fileURLToPath(new URL('.', import.meta.url));
const isBuilt = existsSync(join(scripts, '..', 'dist', 'cli', 'main.js'));

if (!(process.env.npm_command === 'exec' && isBuilt)) {
  run('build.mjs');
  run('build-native.mjs', '--optional');
}

function run(script, ...words) {
  const { status } = spawnSync(process.execPath, [join(scripts, script), ...words], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
