/**
 * Bundles the test files, with what they import from test/ and src/, into JavaScript. A bundle starts in a third of the time that tsx takes
 * to load the same modules one by one.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Bundles test files.
 *
 * @param {readonly string[]} files paths of test files, relative to the package
 * @param {string} folder where to write the bundles: inside the package, so that they find its dependencies
 * @returns {Promise<string[]>} the paths of the bundles, in the same order
 */
export async function bundleTests(files, folder) {
  await build({
    entryPoints: [...files],
    absWorkingDir: root,
    outbase: '.',
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    // As tsx does: some tests compare the names of classes.
    keepNames: true,
    // For stack traces in the lines of the sources; with node --enable-source-maps.
    sourcemap: true,
    sourcesContent: false,
    plugins: [ownUrls],
    logLevel: 'warning',
  });
  return files.map((file) => join(folder, file.replace(/\.ts$/, '.mjs')));
}

/** In a bundle, `import.meta.url` is still the URL of the source, from which files of the package are found. */
const ownUrls = {
  name: 'own-urls',
  setup({ onLoad }) {
    onLoad({ filter: /\.m?[jt]s$/ }, async ({ path }) => {
      const code = await readFile(path, 'utf8');
      if (!code.includes('import.meta.url')) return undefined;
      const url = JSON.stringify(pathToFileURL(path).href);
      return { contents: code.replaceAll('import.meta.url', () => url), loader: 'ts' };
    });
  },
};
