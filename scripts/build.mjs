/**
 * Compiles src/ to dist/ without disturbing programs that run from there: tsc writes into build/dist, and each file that differs
 * takes its place by a rename. Files that do not differ are not touched. Of two builds at once the second waits.
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
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
/** The types of what programs import. */
const ENTRY_POINTS = ['index.d.ts', 'browser.d.ts'];
/** Files that the shell starts. */
const EXECUTABLE = [join('cli', 'main.js')];

/** @returns tsc's exit code */
function build() {
  const made = join(root, 'build', 'dist');
  rmSync(made, { recursive: true, force: true });
  try {
    const { status } = spawnSync(
      process.execPath,
      [compiler(), '-p', 'tsconfig.build.json', '--outDir', made],
      {
        cwd: root,
        stdio: 'inherit',
      },
    );
    if (status !== 0) return status ?? 1;
    for (const name of EXECUTABLE) chmodSync(join(made, name), 0o755);
    const types = typesOf(made, ENTRY_POINTS);
    const names = filesIn(made).filter((name) => !name.endsWith('.d.ts') || types.has(name));
    for (const name of names) place(join(made, name), join(dist, name));
    const current = new Set(names);
    for (const name of filesIn(dist)) if (!current.has(name)) rmSync(join(dist, name));
    return 0;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

function compiler() {
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
  return join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.tsc);
}

/** Declaration files that some of them reach: nobody can import from the others, which would be a quarter of the package. */
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

/** Paths of the files in a folder, from it. */
function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));
}

/** Puts a file where another may be, unless that has the same content. */
function place(from, to) {
  const same = existsSync(to) && readFileSync(from).equals(readFileSync(to));
  if (same && statSync(from).mode === statSync(to).mode) return;
  mkdirSync(dirname(to), { recursive: true });
  renameSync(from, to);
}

process.exitCode = await withLock(join(root, 'build', 'dist.lock'), build);
