/** Packs the package as for publishing, installs it in an empty folder and uses it, without the add-on and with it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nativeVariants } from '../src/engine/cpu/native.node.ts';
import { root } from './cli/command.ts';
import { sharedFolder, temporaryFolder } from './temporary-folder.ts';

const NO_REGISTRY = /ENOTFOUND|ETIMEDOUT|ECONNREFUSED|EAI_AGAIN|ENOTCACHED/;

function run(program: string, words: readonly string[], cwd: string, env: Record<string, string> = {}) {
  return spawnSync(program, words, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    shell: process.platform === 'win32',
  });
}

/** Packs the package with npm, and checks which files it contains. */
function pack(folder: string): string {
  const packed = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], root);
  assert.equal(packed.status, 0, packed.stderr);
  const [{ filename, size, files }] = JSON.parse(packed.stdout);
  // 1,256 kB at the end of November 2026, of which the example model has 383 kB and the WebAssembly 154 kB.
  assert.ok(size < 1_300_000, `${size} bytes packed`);
  const names = (files as { path: string }[]).map(({ path }) => path);
  for (const wanted of [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli/main.js',
    'native/kernels/kernels.cpp',
    'scripts/build-native.mjs',
    'models/moby-dick.safetensors',
    'models/README.md',
    'dist/ui/index.html',
    'dist/THIRD-PARTY-LICENCES.txt',
    'README.md',
    'LICENSE',
  ]) {
    assert.ok(names.includes(wanted), wanted);
  }
  assert.ok(!names.some((name) => /^(src|test|build|node_modules)\//.test(name)), names.join('\n'));
  return join(folder, filename);
}

/** The package and an empty project with it. Several tests use them; the last one builds the add-on. */
const shared = sharedFolder();
let packed: string | undefined;
let withoutAddon: ReturnType<typeof installed>;

interface Installed {
  readonly folder: string;
  readonly tarball: string;
  charRnn(...words: string[]): ReturnType<typeof run>;
  /** The same with variables of the environment. */
  charRnnWith(env: Record<string, string>, ...words: string[]): ReturnType<typeof run>;
}

/**
 * Installs the package in an empty project. Returns undefined, and skips the test, if npm reaches no registry.
 *
 * @param others Packages to install with it: folders relative to the project.
 */
function installed(
  context: TestContext,
  folder: string,
  others: readonly string[] = [],
): Installed | undefined {
  packed ??= pack(shared);
  const tarball = packed;
  writeFileSync(join(folder, 'package.json'), '{"name": "empty", "private": true, "type": "module"}');
  const install = run(
    'npm',
    ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball, ...others],
    folder,
  );
  if (install.status !== 0 && NO_REGISTRY.test(install.stderr)) {
    context.skip('npm reaches no registry here');
    return undefined;
  }
  assert.equal(install.status, 0, install.stderr);
  const main = join(folder, 'node_modules', 'char-rnn-ts', 'dist', 'cli', 'main.js');
  const env = { XDG_CACHE_HOME: join(folder, 'cache') };
  return {
    folder,
    tarball,
    charRnn: (...words) => run(process.execPath, [main, ...words], folder, env),
    charRnnWith: (more, ...words) => run(process.execPath, [main, ...words], folder, { ...env, ...more }),
  };
}

/** Makes a compiler that does not optimize, which takes half the time. Other tests compare what the optimized kernels compute. */
function quickCompiler(folder: string): string {
  const path = join(folder, 'compiler');
  const names = process.env.CXX ?? 'g++ clang++ c++';
  const script = `for name in ${names}; do command -v "$name" >/dev/null && exec "$name" "$@" -O0; done\nexit 127\n`;
  writeFileSync(path, `#!/bin/sh\n${script}`, { mode: 0o755 });
  return path;
}

/** The command that a training suggests at its end. */
function adviceOf(outcome: ReturnType<typeof run>): string {
  assert.equal(outcome.status, 0, outcome.stderr);
  const [, command = ''] = /^\s*(\S.* sample \S+\.safetensors\S*)$/m.exec(
    `${outcome.stdout}\n${outcome.stderr}`.replaceAll('sample with: ', ''),
  ) ?? [undefined, ''];
  return command;
}

/** Runs a suggested command in the folder of the training. */
function follow(command: string, folder: string, env: Record<string, string>): void {
  const sampled = run('sh', ['-c', `${command} -length 20`], folder, env);
  assert.equal(sampled.status, 0, `${command}: ${sampled.stderr}`);
  assert.ok(sampled.stdout.length >= 20, sampled.stdout);
}

const small = 'book.txt -rnn_size 8 -batch_size 4 -seq_length 10 --max_iterations 3 --baseline false'.split(
  ' ',
);

test('errors and other exported classes have their names, and the lines of the programs are short', async () => {
  const library: Record<string, unknown> = await import(join(root, 'dist', 'index.js'));
  const classes = Object.entries(library).filter(([, value]) => /^class\b/.test(String(value)));
  assert.ok(classes.length > 12);
  for (const [name, value] of classes) assert.equal((value as { name: string }).name, name);
  const { OptionError } = library as typeof import('../src/index.ts');
  assert.equal(new OptionError('threads', 'got -1').name, 'OptionError');
  const code = readFileSync(join(root, 'dist', 'index.js'), 'utf8');
  assert.ok(code.split('\n').every((line) => line.length < 5000));
});

test('after an installation, npx and the shell find both names, and printed commands work as typed', {
  skip: process.platform === 'win32' ? 'a shell of POSIX' : false,
}, (context) => {
  withoutAddon ??= installed(context, shared);
  const it = withoutAddon;
  if (!it) return;
  const { folder } = it;
  writeFileSync(join(folder, 'book.txt'), 'the harbour wall stood in the rain. '.repeat(60));
  const env = { XDG_CACHE_HOME: join(folder, 'cache'), npm_config_offline: 'true' };
  // The package has two names. The advice for one of them is followed; the other is the same program.
  for (const name of ['char-rnn-ts', 'char-rnn']) {
    const advice = adviceOf(run('npx', [name, 'train', ...small, '-checkpoint_dir', name], folder, env));
    assert.ok(advice.startsWith(`npx ${name} sample `), advice);
    if (name === 'char-rnn') follow(advice, folder, env);
  }
  const prefix = join(folder, 'global');
  const install = run(
    'npm',
    ['install', '-g', '--prefix', prefix, '--no-audit', '--no-fund', it.tarball],
    folder,
    {
      npm_config_prefer_offline: 'true',
    },
  );
  assert.equal(install.status, 0, install.stderr);
  const shell = { ...env, PATH: `${join(prefix, 'bin')}:${process.env.PATH}` };
  for (const name of ['char-rnn-ts', 'char-rnn']) {
    const advice = adviceOf(
      run(name, ['train', ...small, '-checkpoint_dir', `global-${name}`], folder, shell),
    );
    assert.ok(advice.startsWith(`${name} sample `), advice);
    if (name === 'char-rnn') follow(advice, folder, shell);
  }
});

test('without the add-on it runs on WebAssembly; build-native builds the add-on', (context) => {
  withoutAddon ??= installed(context, shared);
  const it = withoutAddon;
  if (!it) return;
  writeFileSync(join(it.folder, 'book.txt'), 'the harbour wall stood in the rain. '.repeat(60));
  assert.ok(
    !existsSync(join(it.folder, 'node_modules', 'char-rnn-ts', 'build')),
    'nothing was compiled by the install',
  );
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  assert.equal(it.charRnn('--version').stdout, `${version}\n`);
  const example = it.charRnn('sample', '--length', '20');
  assert.match(example.stderr, /using the example model/);
  assert.equal(example.status, 0, example.stderr);
  const plain = it.charRnn('train', ...small);
  assert.equal(plain.status, 0, plain.stderr);
  assert.match(plain.stdout, /WebAssembly SIMD/);
  const doctor = it.charRnn('doctor', '--seconds', '0.05');
  assert.match(doctor.stdout, /^The native engine takes[\s\S]*\n {2}node .*main\.js build-native$/m);
  const values = ['rnn-size=4,8', 'num-layers=1', 'batch-size=4', 'seq-length=10', 'max-iterations=3'];
  const sweep = it.charRnn('sweep', 'run', 'book.txt', ...values.flatMap((value) => ['--try', value]));
  if (process.getBuiltinModule?.('node:sqlite')) assert.match(sweep.stderr, /^best: trial \d, loss /m);
  else
    assert.match(
      sweep.stderr,
      /^Use a newer Node, or install a package: npm install @photostructure\/sqlite@1\.$/m,
    );
  const forced = it.charRnn('train', ...small, '--engine', 'native');
  assert.equal(forced.status, 1);
  assert.match(forced.stderr, /native engine is not installed/);
  assert.ok(!existsSync(join(it.folder, 'node_modules', 'webgpu')), 'npm did not install an optional peer');
  const gpu = it.charRnn('train', ...small, '--engine', 'webgpu');
  assert.equal(gpu.status, 1);
  assert.match(gpu.stderr, /^the package webgpu, .*, is not installed\. .*: npm install webgpu@0\.6$/m);

  const program = "import { train } from 'char-rnn-ts'; console.log(typeof train);";
  const used = run(process.execPath, ['--input-type', 'module', '-e', program], it.folder);
  assert.equal(used.stdout, 'function\n', used.stderr);

  if (nativeVariants().length === 0) return;
  const built = it.charRnnWith({ CXX: quickCompiler(it.folder) }, 'build-native');
  assert.equal(built.status, 0, built.stderr);
  const native = it.charRnn('train', ...small);
  assert.match(native.stdout, /device: CPU, native engine/);
});

const IN_NODE = `
import { type GenerateInput, LanguageModel, listen, createServer, train } from 'char-rnn-ts';
const input: GenerateInput = { prompt: 'a', temperature: undefined };
const model = await LanguageModel.load('model.safetensors', { engine: 'wasm' });
for await (const text of model.generate(input)) text.toUpperCase();
for await (const event of train({ textFile: 'book.txt', hiddenSize: 3 })) {
  if (event.type === 'finished') event.checkpoint.vocabulary.size.toFixed();
}
await listen(createServer({ model }), { port: 0 });
// @ts-expect-error: the option is called temperature
model.generate({ temperatur: 1 });
// @ts-expect-error: a text is no number
model.score(5);
// @ts-expect-error: the engine is the model's own
model.onEngine();
`;
const IN_PAGE = `
import { createServer, LanguageModel, memoryStorage, train } from 'char-rnn-ts/browser';
for await (const event of train({ text: 'a text', checkpointDir: memoryStorage() })) {
  if (event.type !== 'finished') continue;
  const server = createServer({ model: new LanguageModel(event.checkpoint) });
  (await server(new Request('http://localhost/'))).status.toFixed();
}
// @ts-expect-error: there are no files
LanguageModel.load('model.safetensors');
`;

test('TypeScript projects find its types: in Node, with a bundler, and in a page without the types of Node', (context) => {
  withoutAddon ??= installed(context, shared);
  if (!withoutAddon) return;
  const { folder } = withoutAddon;
  const manifest = join(root, 'node_modules', 'typescript', 'package.json');
  const compiler = join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.tsc);
  const ofNode = { types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] };
  const bundled = { module: 'esnext', moduleResolution: 'bundler' };
  const projects = {
    node: [IN_NODE, { module: 'nodenext', ...ofNode, exactOptionalPropertyTypes: true }],
    bundler: [IN_NODE, { ...bundled, ...ofNode }],
    page: [IN_PAGE, { ...bundled, types: [], lib: ['es2023', 'dom'] }],
  } as const;
  for (const [name, [code, options]] of Object.entries(projects)) {
    const project = join(folder, name);
    mkdirSync(project);
    writeFileSync(join(project, 'program.ts'), code);
    const compilerOptions = { target: 'es2023', strict: true, noEmit: true, skipLibCheck: false, ...options };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    const { status, stdout } = run(process.execPath, [compiler, '-p', project], folder);
    assert.equal(status, 0, `${name}: ${stdout}`);
  }
});

const skip = existsSync(join(root, 'build', 'native', 'char-rnn.node'))
  ? false
  : 'the add-on was not built here';
test('with the optional package of the platform, it runs on the native engine', {
  skip,
}, (context) => {
  const folder = temporaryFolder(context);
  const made = run(
    process.execPath,
    [join(root, 'scripts', 'pack-native.mjs'), join(folder, 'native')],
    root,
  );
  assert.equal(made.status, 0, made.stderr);
  const it = installed(context, folder, ['./native']);
  if (!it) return;
  writeFileSync(join(folder, 'book.txt'), 'the harbour wall stood in the rain. '.repeat(60));
  const { stdout, stderr } = it.charRnn('train', ...small);
  assert.match(stdout, /device: CPU, native engine/, stderr);
});
