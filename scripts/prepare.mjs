/**
 * npm runs this after an install in a checkout, and before it packs the package. It builds dist/ and, if there is a C++ compiler, the native
 * engine.
 *
 * npm also runs it for the first `npx char-rnn` in a checkout, because it then links the package to itself. A program that was already built
 * is left as it is.
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
