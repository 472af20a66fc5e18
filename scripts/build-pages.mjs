/**
 * Builds the web pages (web/) into a folder: the page, its worker and its style, with hashes in their names, and index.html. The kernels are not
 * among them: the server and the export write them, from the modules that the engine in Node has, too (src/engine/cpu/wasm-kernels.ts).
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const web = fileURLToPath(new URL('../web', import.meta.url));

/** The engine's module with all kernels is replaced by one that fetches the build that it needs. */
const fetchedKernels = {
  name: 'fetched kernels',
  setup(bundler) {
    bundler.onResolve({ filter: /\/wasm-kernels\.ts$/ }, () => ({
      path: resolve(web, 'worker', 'fetched-kernels.ts'),
    }));
  },
};

const COMMON = {
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
};

/** @param {string} folder @returns {Promise<Record<string, number>>} the bytes of each file */
export async function buildPages(folder) {
  // The worker first: the page has its name. The engine for GPUs is a chunk of its own.
  const worker = await build({
    ...COMMON,
    entryPoints: [join(web, 'worker', 'worker.ts')],
    outdir: folder,
    splitting: true,
    plugins: [fetchedKernels],
  });
  const page = await build({
    ...COMMON,
    entryPoints: [join(web, 'main.tsx'), join(web, 'style.css')],
    outdir: folder,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { WORKER_URL: JSON.stringify(entryOf(worker, 'worker.ts')) },
  });
  const html = readFileSync(join(web, 'index.html'), 'utf8')
    .replace('STYLE', entryOf(page, 'style.css'))
    .replace('PAGE', entryOf(page, 'main.tsx'));
  writeFileSync(join(folder, 'index.html'), html);
  const outputs = { ...worker.metafile.outputs, ...page.metafile.outputs };
  const names = Object.keys(outputs).map((name) => basename(name));
  await build({
    ...COMMON,
    entryPoints: [join(web, 'service-worker.ts')],
    outdir: folder,
    entryNames: '[name]',
    define: {
      VERSION: JSON.stringify(createHash('sha256').update(html).digest('hex').slice(0, 12)),
      FILES: JSON.stringify(names),
    },
  });
  return Object.fromEntries(Object.entries(outputs).map(([name, { bytes }]) => [basename(name), bytes]));
}

/** The name of the file that was made of an entry point. */
function entryOf({ metafile }, source) {
  const found = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint?.endsWith(source));
  if (!found) throw new Error(`${source} was not built`);
  return basename(found[0]);
}
