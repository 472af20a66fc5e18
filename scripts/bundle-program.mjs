/**
 * Bundles the library, the command line and the worker of the pages together, so that the package has each module once.
 *
 * Shared code goes to files with hashes in their names: those that the worker loads to ui/, which the pages are served from, the others to
 * chunks/.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transformSync } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The programs and modules that have a fixed name in dist/, and their sources. */
const ENTRY_POINTS = {
  index: 'src/index.ts',
  browser: 'src/browser.ts',
  'cli/main': 'src/cli/main.ts',
  'cli/run-program': 'src/cli/run-program.ts',
  // Programs of processes and threads. The module that starts them looks for them where they are in the source.
  'cli/run/gpu-child': 'src/cli/run/gpu-child.ts',
  'sweep/trial-process.node': 'src/sweep/trial-process.node.ts',
  'ui/server/run-thread.node': 'src/ui/server/run-thread.node.ts',
  'chunks/worker': 'web/worker/worker.ts',
};
const WORKER = 'chunks/worker.js';
/** The pages fetch the kernel that they need instead. */
const NOT_IN_PAGES = 'src/engine/cpu/wasm-binaries.ts';

/**
 * What most entry points load anyway. Marking it as needed by all of them makes it one large chunk instead of many small ones. Those that
 * answer without a model do not load it. Pages load the formats of files, which are about a sixth of it, only when they need them.
 */
const CORES = [
  [
    /^(src\/(index|browser|sweep\/trial-process\.node|cli\/run\/(?!build-native|completions|sweep(-status)?\.)[\w-]+)|web\/worker\/(model-files|training))\.ts$/,
    join(root, 'src', 'language-model.ts'),
  ],
  [/^web\/worker\/(reading|stored-runs)\.ts$/, join(root, 'src', 'in-memory-model.ts')],
];

/** Sources with classes whose names programs see: errors, and what the library exports. */
const HAS_NAMES =
  /^export (abstract )?class (\w+ extends \w*Error|LanguageModel|Vocabulary|LoggedRun|EventLogReader)\b/m;

/**
 * @typedef {object} Program
 * @property {ReadonlyMap<string, Uint8Array>} files for Node, by their paths in dist/
 * @property {ReadonlyMap<string, Uint8Array>} pages the worker and what it imports, by their names in dist/ui/
 * @property {string} worker the name of the worker's file
 * @property {string} kernels the hash in the names of the kernels
 * @property {readonly string[]} sources the bundled files, relative to the package
 */

/** @returns {Promise<Program>} */
export async function bundleProgram() {
  const kernels = kernelsHash();
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ENTRY_POINTS,
    ...{ outdir: 'dist', chunkNames: 'chunks/[name]-[hash]', write: false, metafile: true },
    ...{ bundle: true, splitting: true, minify: true, format: 'esm', target: 'es2022' },
    // For an uncaught error, Node prints the line.
    lineLimit: 800,
    // For Node and for pages.
    ...{ platform: 'neutral', external: ['node:*', ...installed()] },
    // scripts/notices.mjs writes the licences of what is bundled.
    ...{ legalComments: 'none', logLevel: 'warning' },
    define: { KERNELS_HASH: JSON.stringify(kernels) },
    plugins: [sources, withCore],
  });
  const outputs = new Map(
    Object.entries(metafile.outputs).map(([path, output]) => [posix.relative('dist', path), output]),
  );
  const contents = new Map(
    outputFiles.map((file) => [relative(join(root, 'dist'), file.path).replaceAll('\\', '/'), file.text]),
  );
  const inPages = importsOf(WORKER, outputs);
  const hash = createHash('sha256').update(contents.get(WORKER)).digest('hex').slice(0, 8).toUpperCase();
  const placeOf = (path) => {
    if (path === WORKER) return `ui/worker-${hash}.js`;
    return inPages.has(path) ? `ui/${basename(path)}` : path;
  };
  const files = new Map();
  const pages = new Map();
  for (const [path, text] of contents) {
    const place = placeOf(path);
    const bytes = Buffer.from(moved(text, path, outputs, placeOf));
    if (inPages.has(path)) pages.set(basename(place), bytes);
    else files.set(place, bytes);
  }
  return { files, pages, kernels, worker: basename(placeOf(WORKER)), sources: Object.keys(metafile.inputs) };
}

/** Of the content of all kernels, for their names. */
function kernelsHash() {
  const hash = createHash('sha256').update(readFileSync(join(root, NOT_IN_PAGES)));
  return hash.digest('hex').slice(0, 8).toUpperCase();
}

/** The packages that are installed with this one. zod is among them for the types, but is bundled: the pages need it, too. */
function installed() {
  const { dependencies = {}, peerDependencies = {} } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  return Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => name !== 'zod');
}

/** What a file imports, now or later, and the file itself: what the pages serve. */
function importsOf(entry, outputs) {
  const found = new Set([entry]);
  for (const path of found) {
    for (const { path: imported, external } of outputs.get(path).imports) {
      const name = posix.relative('dist', imported);
      if (!external && !(NOT_IN_PAGES in outputs.get(name).inputs)) found.add(name);
    }
  }
  return found;
}

/** The text of a file with the imports and URLs of the place where it will be. */
function moved(text, path, outputs, placeOf) {
  const folder = dirname(placeOf(path));
  const from = (target) => {
    const way = posix.relative(folder, target);
    return way.startsWith('.') ? way : `./${way}`;
  };
  return text
    .replaceAll(/"(\.\.?\/[^"]+\.js)"/g, (word, name) => {
      const target = posix.join(dirname(path), name);
      return outputs.has(target) ? `"${from(placeOf(target))}"` : word;
    })
    .replaceAll(
      /\bURL_OF_MODULE\("([^"]+)"\)/g,
      (_, name) => `new URL("${from(name)}",import.meta.url).href`,
    );
}

/**
 * Loads the sources. In the bundle, too, classes that programs see have their names, and `import.meta.url` is where the module would be by
 * itself: other files of the package are found relative to that.
 */
const sources = {
  name: 'sources',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const name = relative(root, path).replaceAll('\\', '/');
      let code = readFileSync(path, 'utf8');
      if (name.startsWith('src/')) {
        const own = name.replace(/^src\/(.*)\.ts$/, 'URL_OF_MODULE("$1.js")');
        code = code.replaceAll('import.meta.url', own);
      }
      for (const [needs, core] of CORES)
        if (needs.test(name) && existsSync(core)) code += `\nimport ${JSON.stringify(core)};\n`;
      if (HAS_NAMES.test(code)) code = transformSync(code, { loader: 'ts', keepNames: true }).code;
      return { contents: code, loader: 'ts' };
    });
  },
};

const withCore = {
  name: 'with-core',
  setup({ onResolve }) {
    onResolve({ filter: /\/(in-memory|language)-model\.ts$/ }, ({ path, resolveDir }) => ({
      path: join(path.startsWith('.') ? resolveDir : '', path),
      // Otherwise esbuild would drop the import of a module that is not used.
      sideEffects: true,
    }));
  },
};
