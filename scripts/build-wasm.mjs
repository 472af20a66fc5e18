/**
 * Builds the WebAssembly binaries and embeds them in modules: the kernels of the engine in src/engine/cpu/wasm-binaries.ts, four times (with
 * and without fused multiply-add, with and without shared memory), and the passes over a text in src/data/text/text-kernel-binary.ts.
 *
 *     node scripts/build-wasm.mjs [--check]
 *
 * The modules are in the repository, so that users do not need the toolchain. Exactly this version of clang and lld gives the same bytes
 * (Debian: apt install clang-19 lld-19). --check writes nothing, and fails if a module differs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CLANG_VERSION = '19.1.7';

const root = fileURLToPath(new URL('..', import.meta.url));
const COMMON = [
  ...['--target=wasm32', '-std=c++17', '-ffreestanding', '-nostdlib', '-fno-exceptions', '-fno-rtti'],
  ...['-msimd128', '-mbulk-memory', '-Wall', '-Wextra', '-Werror=switch'],
  ...['-Wno-unknown-pragmas', '-Wno-unused-function'],
  ...['-fuse-ld=lld', '-Wl,--no-entry', '-Wl,-z,stack-size=65536', '-Wl,--strip-all'],
];

/** -Os: a third of the size of -O3 at the same speed, because the loops of the matrix products are unrolled by hand. */
const KERNELS = [
  ...['-Os', '-ffp-contract=off', '-fno-math-errno', '-mnontrapping-fptoint', '-DVW=4'],
  ...['-Wl,--import-memory', '-Wl,--export=__stack_pointer', '-Wl,--export=__heap_base'],
  `-Wl,--max-memory=${2 ** 32}`,
];
const SHARED = ['-matomics', '-DTHREADS', '-Wl,--shared-memory'];
const FUSED = ['-mrelaxed-simd'];
const STRICT = ['-DNO_FMA'];

/** The modules: their path, the subject of their header comment, their source, and the compiler flags of each constant. */
export const PRODUCTS = [
  {
    path: 'src/engine/cpu/wasm-binaries.ts',
    holds: 'The kernels as WebAssembly',
    source: 'native/wasm/wasm.cpp',
    builds: [
      ['FUSED_SHARED', [...KERNELS, ...FUSED, ...SHARED]],
      ['FUSED', [...KERNELS, ...FUSED]],
      ['STRICT_SHARED', [...KERNELS, ...STRICT, ...SHARED]],
      ['STRICT', [...KERNELS, ...STRICT]],
    ],
  },
  {
    path: 'src/data/text/text-kernel-binary.ts',
    holds: 'The passes over a text as WebAssembly',
    source: 'native/text/text.cpp',
    builds: [['TEXT_KERNEL', ['-O3']]],
  },
];

/** Whether clang and lld of the required version are installed. */
export function hasToolchain() {
  const { status, stdout } = spawnSync('clang++-19', ['--version'], { encoding: 'utf8' });
  return (
    status === 0 && stdout.includes(CLANG_VERSION) && spawnSync('wasm-ld-19', ['--version']).status === 0
  );
}

/** The source of a module. */
export function buildWasm({ holds, source, builds }) {
  const folder = mkdtempSync(join(tmpdir(), 'char-rnn-wasm-'));
  try {
    const lines = builds.map(([name, flags]) => {
      const file = join(folder, `${name}.wasm`);
      // Run in the folder of the sources, so that the binary contains no path of this machine.
      execFileSync('clang++-19', [...COMMON, ...flags, basename(source), '-o', file], {
        cwd: join(root, dirname(source)),
        stdio: 'inherit',
      });
      return `export const ${name} =\n  '${readFileSync(file).toString('base64')}';\n`;
    });
    const head = `/** ${holds}, in base64. Made by scripts/build-wasm.mjs from native/; not to be edited. */\n`;
    return `${head}\n${lines.join('\n')}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!hasToolchain()) {
    console.error(
      `clang++-19 and wasm-ld-19 of version ${CLANG_VERSION} are needed: apt install clang-19 lld-19`,
    );
    process.exit(1);
  }
  if (!process.argv.includes('--check')) {
    execFileSync(process.execPath, ['--import', 'tsx', 'scripts/kernel-header.ts'], {
      cwd: root,
      stdio: 'inherit',
    });
  }
  for (const product of PRODUCTS) {
    const path = join(root, product.path);
    const text = buildWasm(product);
    const same = readFileSync(path, { encoding: 'utf8', flag: 'a+' }) === text;
    if (!process.argv.includes('--check')) writeFileSync(path, text);
    else if (same) console.log(`${product.path} is up to date`);
    else {
      console.log(`${product.path} is out of date: npm run build:wasm`);
      process.exitCode = 1;
    }
  }
}
