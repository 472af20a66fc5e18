/**
 * Builds the native add-on, build/native/char-rnn.node, where there is a C++ compiler; says so where there is none.
 *
 *     node scripts/build-native.mjs [--optional] [--sanitize address|thread] [--to FOLDER]
 *
 * --optional: that it can't be built is no failure (`npm ci`), the program then runs on WebAssembly.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const optional = process.argv.includes('--optional');
const after = (flag) =>
  process.argv.includes(flag) ? process.argv[process.argv.indexOf(flag) + 1] : undefined;
const sanitize = after('--sanitize');
const folder = after('--to') ?? join(root, 'build', sanitize ? `native-${sanitize}` : 'native');
const product = join(folder, 'char-rnn.node');

/** -ffp-contract=off: a product and a sum are fused only where the kernels say so, or results would differ between builds. */
const COMMON = [
  '-std=c++17',
  '-fPIC',
  '-fvisibility=hidden',
  '-fno-math-errno',
  '-ffp-contract=off',
  '-Wall',
  '-Wextra',
  '-Wno-psabi',
  '-Wno-ignored-attributes',
  '-Wno-maybe-uninitialized',
  ...(sanitize
    ? ['-O1', '-g', `-fsanitize=${sanitize === 'address' ? 'address,undefined' : sanitize}`]
    : ['-O3']),
];

/** The builds of the kernels: name, width of the vectors in floats, flags. */
const VARIANTS = {
  x64: [
    ['avx512', 16, ['-march=x86-64-v4', '-mprefer-vector-width=512']],
    ['avx2', 8, ['-march=x86-64-v3']],
  ],
  arm64: [['neon', 4, []]],
}[process.arch];

function give(reason) {
  console.error(`The native engine was not built: ${reason}.`);
  console.error(
    'The program runs without it, slower. With a C++ compiler (Debian: apt install g++): npm run build:native',
  );
  process.exit(optional ? 0 : 1);
}

/** The first C++ compiler that answers. */
function findCompiler() {
  const names = [process.env.CXX, 'g++', 'clang++', 'c++'].filter(Boolean);
  return names.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
}

/** The folder with node_api.h: npm's nodedir, beside the running node, or the package node-api-headers. */
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

function newestSource() {
  const sources = readdirSync(join(root, 'native'), { recursive: true }).map((name) =>
    join(root, 'native', String(name)),
  );
  return Math.max(...[...sources, fileURLToPath(import.meta.url)].map((path) => statSync(path).mtimeMs));
}

if (!VARIANTS) give(`there are no kernels for ${process.arch}`);
if (process.platform === 'win32') give('building it on Windows is not known to work');
if (existsSync(product) && statSync(product).mtimeMs > newestSource()) process.exit(0);
const compiler = findCompiler();
if (!compiler) give('no C++ compiler was found');
const headers = findHeaders();
if (!headers) give('node_api.h was not found');

mkdirSync(folder, { recursive: true });
const run = promisify(execFile);
const compile = async (source, name, flags) => {
  const object = join(folder, `${name}.o`);
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
      compile(`addon/${name}.cc`, name, ['-isystem', headers, '-Wno-unused-function']),
    ),
  ]);
  const link =
    process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared', '-pthread'];
  await run(compiler, [...COMMON, ...link, ...objects, '-o', product]);
} catch (error) {
  console.error(error.stderr ?? error);
  give('the compiler failed');
}
