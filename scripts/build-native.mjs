/**
 * Builds the native add-on, build/native/char-rnn.node. Without a C++ compiler, it prints what is missing.
 *
 *     node scripts/build-native.mjs [--optional] [--sanitize address|thread] [--arch x64|arm64] [--to FOLDER]
 *     node scripts/build-native.mjs --check
 *
 * --optional (`npm ci`) keeps an add-on that was built from the current sources, and exits with 0 if the build is impossible; the program
 * then runs on WebAssembly. --arch builds for another architecture, with the cross compiler in CXX. --check builds nothing, and fails unless
 * the package expects an add-on of the current sources.
 *
 * The add-on contains the hash of its sources. src/engine/cpu/addon-sources.ts has the hash that the package expects; a build in a checkout
 * updates it.
 */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
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
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const optional = process.argv.includes('--optional');
const after = (flag) =>
  process.argv.includes(flag) ? process.argv[process.argv.indexOf(flag) + 1] : undefined;
const sanitize = after('--sanitize');
const arch = after('--arch') ?? process.arch;
/** The add-on for this machine is in build/native, every other one in a separate folder. */
const kind = sanitize ?? (arch === process.arch ? undefined : arch);
const folder = after('--to') ?? join(root, 'build', kind ? `native-${kind}` : 'native');
const product = join(folder, 'char-rnn.node');
const expectation = join(root, 'src', 'engine', 'cpu', 'addon-sources.ts');

const headerScript = join(root, 'scripts', 'kernel-header.ts');
/** Whether to update the generated files: only in a checkout, and not by `npm ci` or `--check`. */
const refreshes = !optional && !process.argv.includes('--check') && existsSync(headerScript);
if (refreshes)
  execFileSync(process.execPath, ['--import', 'tsx', headerScript], { cwd: root, stdio: 'inherit' });
const sources = sourcesHash();

/** -ffp-contract=off: only explicit fused multiply-adds are fused. Otherwise results would differ between builds. */
const COMMON = [
  '-std=c++17',
  '-fPIC',
  '-fvisibility=hidden',
  '-fno-math-errno',
  '-ffp-contract=off',
  '-Wall',
  '-Wextra',
  // A switch over an enumeration must have a case for each value: a cell or an update rule without one does not compile.
  '-Werror=switch',
  '-Wno-unknown-warning-option',
  '-Wno-psabi',
  '-Wno-ignored-attributes',
  '-Wno-maybe-uninitialized',
  ...(sanitize
    ? ['-O1', '-g', `-fsanitize=${sanitize === 'address' ? 'address,undefined' : sanitize}`]
    : ['-O3']),
  // The architecture of the running node. Under Rosetta, the compiler's default is another one.
  ...(process.platform === 'darwin' ? ['-arch', arch === 'x64' ? 'x86_64' : arch] : []),
];

/** The builds of the kernels: name, width of the vectors in floats, flags. */
const VARIANTS = {
  x64: [
    [
      'avx512amx',
      16,
      [...['-march=x86-64-v4', '-mprefer-vector-width=512', '-mavx512bf16'], ...['-mamx-tile', '-mamx-bf16']],
    ],
    ['avx512bf16', 16, ['-march=x86-64-v4', '-mprefer-vector-width=512', '-mavx512bf16']],
    ['avx512', 16, ['-march=x86-64-v4', '-mprefer-vector-width=512']],
    ['avx2', 8, ['-march=x86-64-v3']],
  ],
  arm64: [['neon', 4, []]],
}[arch];

const COMPILER_HINT =
  process.platform === 'darwin'
    ? 'Install one: xcode-select --install'
    : 'Install one with the package manager: apt install g++, dnf install gcc-c++, apk add g++ or pacman -S gcc.';

/** Ends the build. @param {string} [hint] what to do about the reason */
function giveUp(reason, hint) {
  console.error(`The native engine was not built: ${reason}.`);
  if (hint) console.error(hint);
  console.error('The program runs without it, on WebAssembly, which takes two to four times as long.');
  process.exit(optional ? 0 : 1);
}

/** The compiler in CXX, else the first known one that is installed. */
function findCompiler() {
  const names = process.env.CXX ? [process.env.CXX] : ['g++', 'clang++', 'c++'];
  return names.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
}

/** The compiler's target, if it is not `arch`. Undefined on macOS, where -arch sets the target. */
function otherTarget(compiler) {
  if (process.platform === 'darwin') return undefined;
  const target = spawnSync(compiler, ['-dumpmachine'], { encoding: 'utf8' }).stdout.trim();
  return target.startsWith({ x64: 'x86_64', arm64: 'aarch64' }[arch]) ? undefined : target;
}

/** The folder with node_api.h: in npm's nodedir, next to the running node, or in the package node-api-headers. */
function findHeaders() {
  const nodedir = process.env.npm_config_nodedir ?? process.env.npm_package_config_node_gyp_nodedir;
  const candidates = [
    nodedir && join(nodedir, 'include', 'node'),
    join(dirname(dirname(process.execPath)), 'include', 'node'),
    '/usr/include/node',
  ];
  try {
    candidates.push(
      join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include'),
    );
  } catch {
    // Not installed.
  }
  return candidates.find((path) => path && existsSync(join(path, 'node_api.h')));
}

/** A hash of the paths and contents of the add-on's sources. It identifies the calls that an add-on understands. */
function sourcesHash() {
  const hash = createHash('sha256');
  for (const directory of ['addon', 'kernels']) {
    const names = readdirSync(join(root, 'native', directory)).filter((name) => /\.(h|cc|cpp)$/.test(name));
    for (const name of names.sort()) {
      const text = readFileSync(join(root, 'native', directory, name));
      hash.update(`${directory}/${name} ${text.length}\n`).update(text);
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** The source of the module with the hash that the package expects. */
const expectationText = `/** The hash of the add-on's sources. Made by scripts/build-native.mjs from native/; not to be edited. */
export const ADDON_SOURCES = '${sources}';
`;
const isExpected = () => readFileSync(expectation, { encoding: 'utf8', flag: 'a+' }) === expectationText;

/** Loads an add-on in a separate process, because a faulty one crashes its process. */
function tryLoading(path) {
  const words = ['-p', `require(${JSON.stringify(path)}).sources`];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  if (status === 0 && stdout.trim() === sources) return;
  if (stderr) console.error(stderr);
  giveUp(`the compiled add-on cannot be loaded (${signal ?? `exit code ${status}`})`);
}

/** Whether the add-on was built from the current sources by the current version of this script. */
function isCurrent() {
  if (!existsSync(product)) return false;
  const script = fileURLToPath(import.meta.url);
  return statSync(product).mtimeMs > statSync(script).mtimeMs && readFileSync(product).includes(sources);
}

if (process.argv.includes('--check')) {
  if (isExpected()) process.exit(0);
  console.error(
    'src/engine/cpu/addon-sources.ts does not have the hash of the current sources: npm run build:native',
  );
  process.exit(1);
}
if (refreshes && !isExpected()) {
  writeFileSync(`${expectation}.unfinished`, expectationText);
  renameSync(`${expectation}.unfinished`, expectation);
  console.log(
    'src/engine/cpu/addon-sources.ts now has the hash of the current sources. For dist: npm run build',
  );
}
if (!VARIANTS) giveUp(`there are no kernels for ${arch}`);
if (process.platform === 'win32') giveUp('building on Windows is not supported');
if (optional && isCurrent()) process.exit(0);
const compiler = findCompiler();
if (!compiler) {
  giveUp(
    process.env.CXX ? `CXX is ${process.env.CXX}, which is not a compiler` : 'there is no C++ compiler',
    COMPILER_HINT,
  );
}
if (otherTarget(compiler)) giveUp(`${compiler} compiles for ${otherTarget(compiler)}, not for ${arch}`);
const headers = findHeaders();
if (!headers) {
  giveUp(
    'node_api.h, a header of Node, was not found',
    'Debian and Ubuntu have it in libnode-dev, Alpine in nodejs-dev. Node from nodejs.org includes it.',
  );
}

mkdirSync(folder, { recursive: true });
// Another build may be running. Each has its own folder, and renames the finished add-on.
const unfinished = mkdtempSync(join(folder, 'unfinished-'));
process.on('exit', () => rmSync(unfinished, { recursive: true, force: true }));
const run = promisify(execFile);
const compile = async (source, name, flags) => {
  const object = join(unfinished, `${name}.o`);
  const { stderr } = await run(compiler, [
    ...COMMON,
    ...flags,
    '-c',
    join(root, 'native', source),
    '-o',
    object,
  ]);
  if (stderr) console.error(stderr);
  return object;
};
try {
  const objects = await Promise.all([
    ...VARIANTS.map(([name, width, flags]) =>
      compile('kernels/kernels.cpp', name, [
        ...flags,
        '-fno-exceptions',
        '-fno-rtti',
        `-DVW=${width}`,
        `-DKERNELS_NAME=kernels_${name}`,
      ]),
    ),
    ...['addon', 'pool', 'variants', 'checks'].map((name) =>
      compile(`addon/${name}.cc`, name, [
        ...['-isystem', headers, '-Wno-unused-function', `-DADDON_SOURCES="${sources}"`],
      ]),
    ),
  ]);
  const link =
    process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared', '-pthread'];
  const made = join(unfinished, 'char-rnn.node');
  await run(compiler, [...COMMON, ...link, ...objects, '-o', made]);
  if (!sanitize && arch === process.arch) tryLoading(made);
  renameSync(made, product);
} catch (error) {
  console.error(error.stderr ?? error);
  giveUp('the compiler failed');
}
