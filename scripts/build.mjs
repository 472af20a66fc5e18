/**
 * Compiles src/ to dist/, and web/ to dist/ui/, without disturbing programs that run from there: the compilers write to build/dist, and each
 * file that differs is renamed into dist/. Other files are not touched. If two builds run at once, the second waits for the first.
 *
 *     node scripts/build.mjs
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import { buildPages } from './build-pages.mjs';
import { withLock } from './lock.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
/** The declarations of the modules that programs import. */
const ENTRY_POINTS = ['index.d.ts', 'browser.d.ts'];
/** Files that can be run from a shell. */
const EXECUTABLE = [join('cli', 'main.js')];

/** @returns tsc's exit code */
async function build() {
  const made = join(root, 'build', 'dist');
  rmSync(made, { recursive: true, force: true });
  try {
    // Programs need no comments, and editors show those of the declarations.
    const status =
      compile(made, '--declaration', 'false', '--removeComments', '--noCheck') ||
      compile(made, '--emitDeclarationOnly');
    if (status !== 0) return status;
    for (const name of filesIn(made)) if (name.endsWith('.js')) shorten(join(made, name));
    await buildPages(join(made, 'ui'));
    for (const name of EXECUTABLE) chmodSync(join(made, name), 0o755);
    const types = typesOf(made, ENTRY_POINTS);
    const names = filesIn(made).filter((name) => !name.endsWith('.d.ts') || types.has(name));
    for (const name of names) moveIfChanged(join(made, name), join(dist, name));
    const current = new Set(names);
    for (const name of filesIn(dist)) if (!current.has(name)) rmSync(join(dist, name));
    return 0;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/**
 * @param {string} folder where the files go
 * @param {...string} options of tsc
 * @returns {number} tsc's exit code
 */
function compile(folder, ...options) {
  const words = [compiler(), '-p', 'tsconfig.build.json', '--outDir', folder, ...options];
  return spawnSync(process.execPath, words, { cwd: root, stdio: 'inherit' }).status ?? 1;
}

/** Takes white space out of a program. Names stay, because messages and stack traces show them. */
function shorten(path) {
  const { code } = transformSync(readFileSync(path, 'utf8'), { minifyWhitespace: true, minifySyntax: true });
  writeFileSync(path, code);
}

function compiler() {
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
  return join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.tsc);
}

/** The declaration files that the entry points import. Nobody can import the others, and they would be a quarter of the package. */
function typesOf(folder, entryPoints) {
  const reached = new Set(entryPoints);
  for (const name of reached) {
    const code = readFileSync(join(folder, name), 'utf8');
    for (const [, module] of code.matchAll(/\b(?:from|import) ?\(?'(\.[^']+)'/g)) {
      reached.add(join(dirname(name), module).replace(/\.[jt]s$/, '.d.ts'));
    }
  }
  return reached;
}

/** The paths of all files below a folder, relative to it. */
function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));
}

/** Moves a file to a path, unless a file with the same content and mode is already there. */
function moveIfChanged(from, to) {
  const same = existsSync(to) && readFileSync(from).equals(readFileSync(to));
  if (same && statSync(from).mode === statSync(to).mode) return;
  mkdirSync(dirname(to), { recursive: true });
  renameSync(from, to);
}

process.exitCode = await withLock(join(root, 'build', 'dist.lock'), build);
