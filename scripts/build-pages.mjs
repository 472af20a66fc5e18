/**
 * Builds the web pages (web/) into a folder: the page, its worker and its style, with hashes in their names, and index.html. The kernels are not
 * among them: the server and the export write them, from the modules that the engine in Node has, too (src/engine/cpu/wasm-kernels.ts).
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundleProgram } from './bundle-program.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const web = join(root, 'web');
const MAIN = join(web, 'main.tsx');

/** What the pages load by a plain name. */
const EXAMPLE_MODEL = 'models/moby-dick.safetensors';

const COMMON = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  entryNames: '[name]-[hash]',
  // scripts/notices.mjs writes the licences of what is bundled.
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
};

/**
 * @param {string} folder
 * @param {import('./bundle-program.mjs').Program} [program] with the worker
 * @returns {Promise<readonly string[]>} the bundled files, relative to the package
 */
export async function buildPages(folder, program) {
  const { pages, worker, kernels, sources } = program ?? (await bundleProgram());
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of pages) writeFileSync(join(folder, name), bytes);
  const page = await build({
    ...COMMON,
    entryPoints: [MAIN, join(web, 'style.css')],
    outdir: folder,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { WORKER_URL: JSON.stringify(worker) },
    // Pages that are seldom opened are files of their own.
    splitting: true,
    chunkNames: '[name]-[hash]',
    plugins: [withMain],
  });
  const main = entryOf(page, 'main.tsx');
  const needed = importsOf(page, main);
  const runs = importsOf(page, entryOf(page, 'pages/runs.tsx')).filter((name) => !needed.includes(name));
  const html = readFileSync(join(web, 'index.html'), 'utf8')
    .replace('STYLE', entryOf(page, 'style.css'))
    .replace('RUNS', runs.join(' '))
    .replace('KERNELS', kernels)
    // Otherwise, the browser would find each of them only in the one that imports it.
    .replace(
      'PRELOADS',
      needed
        .slice(1)
        .map((name) => `<link rel="modulepreload" href="${name}">`)
        .join('\n'),
    )
    .replace('PAGE', main);
  writeFileSync(join(folder, 'index.html'), html);
  const names = [...pages.keys(), ...Object.keys(page.metafile.outputs).map((name) => basename(name))];
  // The name of the model has no hash, so another version of it needs another cache.
  const version = createHash('sha256')
    .update(html)
    .update(readFileSync(join(root, EXAMPLE_MODEL)));
  await build({
    ...COMMON,
    entryPoints: [join(web, 'service-worker.ts')],
    outdir: folder,
    entryNames: '[name]',
    define: {
      VERSION: JSON.stringify(version.digest('hex').slice(0, 12)),
      FILES: JSON.stringify(names),
      KERNELS_HASH: JSON.stringify(kernels),
    },
  });
  return [...sources, ...Object.keys(page.metafile.inputs)];
}

/**
 * Pages that are loaded later import the main program, which has been loaded before them. So all of it is needed by all of them, and is one
 * file instead of a dozen: a file for each set of pages that share a module.
 */
const withMain = {
  name: 'with-main',
  setup({ onLoad, onResolve }) {
    onLoad(
      { filter: /[\\/]web[\\/](pages[\\/](neurons|runs?|sweeps|train)\.tsx|neurons-state\.ts)$/ },
      ({ path }) => ({
        contents: `${readFileSync(path, 'utf8')}\nimport ${JSON.stringify(MAIN)};\n`,
        loader: path.endsWith('.tsx') ? 'tsx' : 'ts',
      }),
    );
    // Otherwise esbuild would drop the import of a module that is not used.
    onResolve({ filter: /[\\/]web[\\/]main\.tsx$/ }, () => ({ path: MAIN, sideEffects: true }));
  },
};

/** A file and those that it needs at once. */
function importsOf({ metafile }, name) {
  const outputs = new Map(Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]));
  const found = new Set([name]);
  for (const one of found)
    for (const { path, kind } of outputs.get(one).imports)
      if (kind === 'import-statement') found.add(basename(path));
  return [...found];
}

/** The name of the file that was made of an entry point. */
function entryOf({ metafile }, source) {
  const found = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint?.endsWith(source));
  if (!found) throw new Error(`${source} was not built`);
  return basename(found[0]);
}
