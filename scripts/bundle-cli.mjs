/**
 * Bundles what the built command line loads into one file, for tests that start it hundreds of times: the bundle starts in half the time.
 * The package contains dist/ instead, which test/package.test.ts runs.
 */
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { withLock } from './lock.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const entry = join(dist, 'cli', 'main.js');
/** All that the entry imports. Some tests import it too. */
const imported = join(dist, 'cli', 'run-program.js');
/** Programs that run in processes or threads of their own, and that the program looks for next to the module that starts them: of a sweep's trials, of `doctor` to examine the GPU, and the thread of `ui`. */
const PROCESSES = {
  'trial-process.node': join(dist, 'sweep', 'trial-process.node.js'),
  'gpu-child': join(dist, 'cli', 'run', 'gpu-child.js'),
  'run-thread.node': join(dist, 'ui', 'server', 'run-thread.node.js'),
};
/** As deep in the package as dist/cli/commands, so that relative paths to other files of the package are still right. */
const folder = join(root, 'build', 'bundle', 'cli');
const bundled = join(folder, 'main.js');
const bundle = join(folder, 'run-program.js');

/**
 * Bundles dist/cli, unless the bundle is newer than dist/.
 *
 * @returns {Promise<string | undefined>} the path of the bundled program; undefined if dist/ was not built
 */
export async function bundleCli() {
  if (!existsSync(entry)) return undefined;
  await withLock(join(root, 'build', 'bundle.lock'), () => {
    if (existsSync(bundle) && statSync(bundle).mtimeMs > lastChange()) return;
    const made = `${folder}.new`;
    rmSync(made, { recursive: true, force: true });
    buildSync({
      ...{ entryPoints: { 'run-program': imported, ...PROCESSES }, outdir: made },
      ...{ bundle: true, format: 'esm', platform: 'node', logLevel: 'warning', external: ['yaml'] },
    });
    copyFileSync(entry, join(made, 'main.js'));
    rmSync(folder, { recursive: true, force: true });
    renameSync(made, folder);
  });
  return bundled;
}

/** When a file of dist/ was last written or removed, in milliseconds since 1970. */
function lastChange() {
  return readdirSync(dist, { recursive: true })
    .map((name) => statSync(join(dist, String(name))).mtimeMs)
    .reduce((latest, time) => Math.max(latest, time), 0);
}
