/**
 * Builds the kernels as WebAssembly, four times: with and without fused multiply-add, with and without shared memory; and
 * embeds them in src/engine/cpu/wasm-binaries.ts.
 *
 *     node scripts/build-wasm.mjs [--check]
 *
 * The result is kept in the repository, so that nobody needs the toolchain; it is the same byte for byte with clang and lld of
 * exactly this version (Debian: apt install clang-19 lld-19). --check: says whether it differs, writes nothing.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CLANG_VERSION = '19.1.7';

const root = fileURLToPath(new URL('..', import.meta.url));
const product = join(root, 'src', 'engine', 'cpu', 'wasm-binaries.ts');

/** -Os: a third of the size of -O3, at the same speed: the products' loops are unrolled by hand. */
const FLAGS = [
  ...['--target=wasm32', '-std=c++17', '-Os', '-ffreestanding', '-nostdlib', '-fno-exceptions', '-fno-rtti'],
  ...[
    '-ffp-contract=off',
    '-fno-math-errno',
    '-msimd128',
    '-mbulk-memory',
    '-mnontrapping-fptoint',
    '-DVW=4',
  ],
  ...['-Wall', '-Wextra', '-Wno-unknown-pragmas', '-Wno-unused-function'],
  ...[
    '-fuse-ld=lld',
    '-Wl,--no-entry',
    '-Wl,--import-memory',
    '-Wl,--export=__stack_pointer',
    '-Wl,--export=__heap_base',
  ],
  ...['-Wl,-z,stack-size=65536', '-Wl,--strip-all', `-Wl,--max-memory=${2 ** 32}`],
];
const SHARED = ['-matomics', '-DTHREADS', '-Wl,--shared-memory'];
const FUSED = ['-mrelaxed-simd'];
const STRICT = ['-DNO_FMA'];

/** Name of the constant, flags. */
const BUILDS = [
  ['FUSED_SHARED', [...FUSED, ...SHARED]],
  ['FUSED', FUSED],
  ['STRICT_SHARED', [...STRICT, ...SHARED]],
  ['STRICT', STRICT],
];

/** Whether clang and lld of the version are here. */
export function hasToolchain() {
  const { status, stdout } = spawnSync('clang++-19', ['--version'], { encoding: 'utf8' });
  return (
    status === 0 && stdout.includes(CLANG_VERSION) && spawnSync('wasm-ld-19', ['--version']).status === 0
  );
}

/** The text of wasm-binaries.ts. */
export function buildWasm() {
  const folder = mkdtempSync(join(tmpdir(), 'char-rnn-wasm-'));
  try {
    const lines = BUILDS.map(([name, flags]) => {
      const file = join(folder, `${name}.wasm`);
      // From within the folder of the sources: no path of this machine gets into the result.
      execFileSync('clang++-19', [...FLAGS, ...flags, 'wasm.cpp', '-o', file], {
        cwd: join(root, 'native', 'wasm'),
        stdio: 'inherit',
      });
      return `export const ${name} =\n  '${readFileSync(file).toString('base64')}';\n`;
    });
    const head = `/** The kernels as WebAssembly, in base64. Made by scripts/build-wasm.mjs from native/; not to be edited. */\n`;
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
  const text = buildWasm();
  const same = readFileSync(product, { encoding: 'utf8', flag: 'a+' }) === text;
  if (process.argv.includes('--check')) {
    console.log(
      same
        ? 'the WebAssembly is that of the sources'
        : 'the WebAssembly differs from the sources: npm run build:wasm',
    );
    process.exit(same ? 0 : 1);
  }
  writeFileSync(product, text);
}
