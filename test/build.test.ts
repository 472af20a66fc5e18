/** The build does not disturb programs that run from dist/: they never see a half-written file. */
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { root } from './cli/command.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A checkout with a program, a module, two entry points of a library, and empty programs and pages besides. */
function setUp(context: TestContext) {
  const folder = temporaryFolder(context);
  const at = (...names: string[]) => join(folder, ...names);
  cpSync(join(root, 'scripts'), at('scripts'), { recursive: true });
  for (const name of ['tsconfig.json', 'tsconfig.build.json']) cpSync(join(root, name), at(name));
  symlinkSync(join(root, 'node_modules'), at('node_modules'), 'junction');
  writeFileSync(at('package.json'), '{"type": "module"}');
  mkdirSync(at('src', 'cli'), { recursive: true });
  writeFileSync(at('src', 'value.ts'), 'export const value: number = 1;\n');
  writeFileSync(at('src', 'cli', 'main.ts'), "import { value } from '../value.ts';\nconsole.log(value);\n");
  const others = [
    'cli/run-program',
    'cli/run/gpu-child',
    'sweep/trial-process.node',
    'ui/server/run-thread.node',
  ];
  for (const name of others) {
    mkdirSync(dirname(at('src', name)), { recursive: true });
    writeFileSync(at('src', `${name}.ts`), '');
  }
  for (const name of [
    join('src', 'engine', 'cpu', 'wasm-binaries.ts'),
    join('models', 'moby-dick.safetensors'),
  ]) {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), '');
  }
  const exporting = (code: string) => {
    for (const name of ['index.ts', 'browser.ts']) writeFileSync(at('src', name), code);
  };
  exporting("export { value } from './value.ts';\n");
  mkdirSync(at('web', 'worker'), { recursive: true });
  mkdirSync(at('web', 'pages'));
  for (const name of [
    join('pages', 'runs.tsx'),
    'service-worker.ts',
    'style.css',
    join('worker', 'worker.ts'),
  ])
    writeFileSync(at('web', name), '');
  writeFileSync(at('web', 'main.tsx'), "import('./pages/runs.tsx');\n");
  writeFileSync(at('web', 'index.html'), '<link href="STYLE"><script src="PAGE"></script>');
  const run = (script: string, env: Record<string, string> = {}): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, [at('scripts', script)], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
  const built = () => {
    const result = run('build.mjs');
    assert.equal(result.status, 0, result.stdout + result.stderr);
  };
  const chunks = () => readdirSync(at('dist', 'chunks')).filter((name) => name.endsWith('.js'));
  const replaced = () => {
    const list = at('dist', 'chunks', '.npmignore');
    return existsSync(list) ? readFileSync(list, 'utf8').split('\n').filter(Boolean) : [];
  };
  /** The file with the module that the program and the library share. */
  const chunk = () => `chunks/${chunks().find((name) => !replaced().includes(name))}`;
  /** The inode and modification time of each file of dist/. */
  const files = () =>
    Object.fromEntries(
      ['index.js', 'index.d.ts', 'value.d.ts', 'cli/main.js', chunk(), 'THIRD-PARTY-LICENCES.txt'].map(
        (name) => {
          const found = statSync(at('dist', name), { throwIfNoEntry: false });
          return [name, found && `${found.ino} ${found.mtimeMs}`];
        },
      ),
    );
  return { at, run, built, files, exporting, chunk, chunks, replaced };
}

test('leaves unchanged files alone, and replaces changed ones in one step', (context) => {
  const { at, built, files, exporting } = setUp(context);
  built();
  const first = files();
  assert.ok(Object.values(first).every(Boolean));
  if (process.platform !== 'win32') assert.equal(statSync(at('dist', 'cli', 'main.js')).mode & 0o111, 0o111);
  built();
  assert.deepEqual(files(), first);

  writeFileSync(at('src', 'cli', 'main.ts'), "import { value } from '../value.ts';\nconsole.log(-value);\n");
  built();
  const second = files();
  assert.deepEqual({ ...second, 'cli/main.js': '' }, { ...first, 'cli/main.js': '' });
  assert.notEqual(
    second['cli/main.js']?.split(' ')[0],
    first['cli/main.js']?.split(' ')[0],
    'a new file, not new content',
  );

  rmSync(at('src', 'value.ts'));
  exporting('export {};\n');
  writeFileSync(at('src', 'cli', 'main.ts'), 'console.log(3);\n');
  built();
  assert.ok(!existsSync(at('dist', 'value.d.ts')));
  assert.deepEqual(readdirSync(at('build')), [], 'nothing is left behind');
});

test('parts of a running program stay for two weeks after they were replaced, and are left out of the package', (context) => {
  const { at, built, chunk, chunks, replaced } = setUp(context);
  built();
  const old = basename(chunk());
  assert.deepEqual(replaced(), []);
  // However old it is, the time counts from when it is replaced.
  utimesSync(at('dist', 'chunks', old), 1e9, 1e9);
  writeFileSync(at('src', 'value.ts'), 'export const value: number = 2;\n');
  built();
  assert.deepEqual(replaced(), [old]);
  assert.equal(chunks().length, 2);
  built();
  assert.deepEqual(replaced(), [old]);
  const pack = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  writeFileSync(at('package.json'), '{"name": "a", "version": "1.0.0", "type": "module", "files": ["dist"]}');
  const packed = spawnSync('npm', pack, { cwd: at(), encoding: 'utf8', shell: process.platform === 'win32' });
  const names = (JSON.parse(packed.stdout)[0].files as { path: string }[]).map(({ path }) => path);
  assert.ok(names.includes(`dist/${chunk()}`), names.join());
  assert.ok(!names.some((name) => name.endsWith(old) || name.endsWith('.npmignore')), names.join());

  const past = Date.now() / 1000 - 15 * 24 * 3600;
  utimesSync(at('dist', 'chunks', old), past, past);
  built();
  assert.deepEqual([replaced(), chunks().includes(old)], [[], false]);

  // The old content once more, while it is still there.
  const second = basename(chunk());
  writeFileSync(at('src', 'value.ts'), 'export const value: number = 1;\n');
  built();
  assert.deepEqual([basename(chunk()), replaced()], [old, [second]]);
  writeFileSync(at('src', 'value.ts'), 'export const value: number = 2;\n');
  built();
  assert.deepEqual([basename(chunk()), replaced()], [second, [old]]);
});

test('writes declarations of what the library exports, and no others', (context) => {
  const { at, built, exporting } = setUp(context);
  const types = () =>
    readdirSync(at('dist'), { recursive: true })
      .map((name) => String(name).replaceAll('\\', '/'))
      .filter((name) => name.endsWith('.d.ts'))
      .sort();
  writeFileSync(at('src', 'made.ts'), "export type Made = typeof import('./value.ts');\n");
  exporting("export * from './made.ts';\n");
  built();
  assert.deepEqual(types(), ['browser.d.ts', 'index.d.ts', 'made.d.ts', 'value.d.ts']);
  exporting('export {};\n');
  built();
  assert.deepEqual(types(), ['browser.d.ts', 'index.d.ts']);
});

test('a failed build changes nothing', (context) => {
  const { at, run, built, files } = setUp(context);
  built();
  const before = files();
  writeFileSync(at('src', 'value.ts'), "export const value: number = 'two';\n");
  const failed = run('build.mjs');
  assert.notEqual(failed.status, 0);
  assert.match(failed.stdout, /value\.ts/);
  assert.deepEqual(files(), before);
});

test('if two builds run at once, the second waits; a lock whose process has ended is ignored', async (context) => {
  const { at, built, files } = setUp(context);
  mkdirSync(at('build'));
  const ended = spawnSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }).stdout.trim();
  writeFileSync(at('build', 'dist.lock'), ended);
  const codes = await Promise.all(
    [1, 2, 3].map(
      () =>
        new Promise((resolve) => {
          spawn(process.execPath, [at('scripts', 'build.mjs')]).on('close', resolve);
        }),
    ),
  );
  assert.deepEqual(codes, [0, 0, 0]);
  assert.equal(
    spawnSync(process.execPath, [at('dist', 'cli', 'main.js')], { encoding: 'utf8' }).stdout,
    '1\n',
  );
  assert.deepEqual(readdirSync(at('build')), []);
  const before = files();
  // Its PID now belongs to a process of another user.
  writeFileSync(at('build', 'dist.lock'), '1');
  utimesSync(at('build', 'dist.lock'), 1e9, 1e9);
  built();
  assert.deepEqual(files(), before);
  assert.deepEqual(readdirSync(at('build')), []);
});

test('the first npx in a checkout, for which npm runs prepare, builds nothing', (context) => {
  const { at, run } = setUp(context);
  mkdirSync(at('dist', 'cli'), { recursive: true });
  writeFileSync(at('dist', 'cli', 'main.js'), 'what runs');
  const { status, stderr } = run('prepare.mjs', { npm_command: 'exec' });
  assert.equal(status, 0, stderr);
  assert.equal(readFileSync(at('dist', 'cli', 'main.js'), 'utf8'), 'what runs');
  assert.ok(!existsSync(at('build')));
});
