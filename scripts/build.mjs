/**
 * Bundles src/ to dist/, and web/ to dist/ui/, without disturbing programs that run from there: the compilers write to build/dist, and each
 * file that differs is renamed into dist/. Other files are not touched. If two builds run at once, the second waits for the first.
 *
 * Parts that a running program has not loaded yet stay for some days after they were replaced. Until then, a list keeps them out of the package.
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
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPages } from './build-pages.mjs';
import { bundleProgram } from './bundle-program.mjs';
import { withLock } from './lock.mjs';
import { notices } from './notices.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
/** The declarations of the modules that programs import. */
const ENTRY_POINTS = ['index.d.ts', 'browser.d.ts'];
/** Files that can be run from a shell. */
const EXECUTABLE = [join('cli', 'main.js')];
/** Folders with files that have hashes in their names. */
const HASHED = ['chunks', 'ui'];
const IS_HASHED = /-[0-9A-Z]{8}\.(js|css)$/;
/** Milliseconds that such files stay after they were replaced: longer than a training. */
const KEPT = 14 * 24 * 3600 * 1000;

/** @returns tsc's exit code */
async function build() {
  const made = join(root, 'build', 'dist');
  rmSync(made, { recursive: true, force: true });
  try {
    const status = writeTypes(made);
    if (status !== 0) return status;
    const program = await bundleProgram();
    for (const [name, bytes] of program.files) write(join(made, name), bytes);
    const sources = await buildPages(join(made, 'ui'), program);
    write(join(made, 'THIRD-PARTY-LICENCES.txt'), notices(sources));
    for (const name of EXECUTABLE) chmodSync(join(made, name), 0o755);
    const types = typesOf(made, ENTRY_POINTS);
    const names = filesIn(made).filter((name) => !name.endsWith('.d.ts') || types.has(name));
    // Entry points last: when they are there, so is all that they import.
    for (const name of names.toSorted((a, b) => IS_HASHED.test(b) - IS_HASHED.test(a)))
      moveIfChanged(join(made, name), join(dist, name));
    removeOthers(new Set(names));
    return 0;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/**
 * Checks the types, and writes declarations, in which editors find the comments.
 *
 * @param {string} folder where the files go
 * @returns {number} tsc's exit code
 */
function writeTypes(folder) {
  const words = [compiler(), '-p', 'tsconfig.build.json', '--outDir', folder, '--emitDeclarationOnly'];
  return spawnSync(process.execPath, words, { cwd: root, stdio: 'inherit' }).status ?? 1;
}

function write(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
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

/**
 * Removes files that were not built, at once or, if a running program may still load them, later.
 *
 * @param {ReadonlySet<string>} current what was built, relative to dist/
 */
function removeOthers(current) {
  const replaced = Object.fromEntries(HASHED.map((folder) => [folder, []]));
  const known = new Set(HASHED.flatMap((folder) => readList(folder).map((name) => join(folder, name))));
  for (const name of filesIn(dist)) {
    if (current.has(name) || name.endsWith('.npmignore')) continue;
    const path = join(dist, name);
    const folder = dirname(name);
    const isKept = HASHED.includes(folder) && IS_HASHED.test(name);
    // Its time of modification becomes the time when it was replaced.
    if (isKept && !known.has(name)) utimesSync(path, new Date(), new Date());
    if (isKept && statSync(path).mtimeMs > Date.now() - KEPT) replaced[folder].push(basename(name));
    else rmSync(path);
  }
  for (const folder of HASHED) {
    const list = join(dist, folder, '.npmignore');
    if (replaced[folder].length > 0) write(list, `${replaced[folder].join('\n')}\n`);
    else rmSync(list, { force: true });
  }
}

/** The replaced files of a folder, which npm leaves out of the package. */
function readList(folder) {
  const path = join(dist, folder, '.npmignore');
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
}

/** Moves a file to a path, unless a file with the same content and mode is already there. */
function moveIfChanged(from, to) {
  const same = existsSync(to) && readFileSync(from).equals(readFileSync(to));
  if (same && statSync(from).mode === statSync(to).mode) return;
  mkdirSync(dirname(to), { recursive: true });
  renameSync(from, to);
}

process.exitCode = await withLock(join(root, 'build', 'dist.lock'), build);
