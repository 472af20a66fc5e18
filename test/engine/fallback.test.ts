/** If the fast engine is not allowed or does not start, the next one is used, with a notice. Nothing hangs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { makeNodeWorker } from '../../src/engine/cpu/wasm.node.ts';
import { wasmBackend } from '../../src/engine/cpu/wasm.ts';
import type { KernelWorker } from '../../src/engine/cpu/wasm-worker.ts';
import { makeEngine } from '../../src/engine/select.node.ts';
import { allowedThreads } from '../../src/util/machine.node.ts';
import { program, root } from '../cli/command.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { parametersAfter } from './parameters-after.ts';

/** A worker that never answers, or fails in the way given. */
function deadWorker(fail: (listener: (reason: string) => void) => void = () => {}): KernelWorker {
  return {
    start() {},
    onSettled() {},
    onFailed: (listener) => fail(listener),
    hold() {},
    async stop() {},
  };
}

/** Makes Node workers, except for the one with this index. */
function workersExcept(index: number, other: () => KernelWorker): () => KernelWorker {
  let made = 0;
  return () => (made++ === index ? other() : makeNodeWorker());
}

const cases: [string, () => () => KernelWorker, number, RegExp][] = [
  [
    'no worker can be created',
    () => () => {
      throw new Error('restricted');
    },
    1,
    /^One thread computes, not 3: workers could not be started \(restricted\)\.$/,
  ],
  [
    'all workers fail',
    () => () => deadWorker((listener) => setTimeout(listener, 1, 'out of memory')),
    1,
    /^One thread computes, not 3: .*\(out of memory\)/,
  ],
  [
    'no worker answers',
    () => () => deadWorker(),
    1,
    /^One thread computes, not 3: .*did not start within 2 s/,
  ],
  [
    'the third worker does not answer',
    () => workersExcept(2, deadWorker),
    2,
    /^2 threads compute, not 3: .*did not start/,
  ],
  [
    'the second worker can not be created',
    () =>
      workersExcept(1, () => {
        throw new Error('EAGAIN');
      }),
    1,
    /^One thread computes, not 3: .*EAGAIN/,
  ],
  ['all workers start', () => makeNodeWorker, 3, /^$/],
];
for (const [name, makeWorker, threads, expected] of cases) {
  test(`WebAssembly if ${name}: as many threads as possible, with the same bits`, async () => {
    const { backend, notice = '' } = await wasmBackend({
      makeWorker: makeWorker(),
      threads: 3,
      maxStart: 2000,
    });
    assert.match(notice, expected);
    assert.equal(backend.threads, threads);
    const engine = new CpuEngine(backend);
    const alone = new CpuEngine((await wasmBackend({ threads: 1 })).backend);
    const after = (one: CpuEngine) => parametersAfter(one, 'lstm', 'rmsprop', 3);
    assert.equal(await after(engine), await after(alone));
  });
}

test('if a worker ends later, pending reads fail', async () => {
  let fail = (_: string) => {};
  const makeWorker = () => {
    const worker = makeNodeWorker();
    return {
      ...worker,
      onFailed(listener: (reason: string) => void) {
        fail = listener;
        worker.onFailed(listener);
      },
    };
  };
  const { backend } = await wasmBackend({ makeWorker, threads: 1 });
  fail('it ran out of memory');
  const buffer = backend.allocate(64);
  const fill = () => backend.submit(new Float64Array(64), false);
  fill();
  assert.throws(() => {
    // Until a read would have to wait for queued calls.
    for (let i = 0; i < 10_000; i++) {
      fill();
      const result = backend.read(buffer, 0, new Float32Array(16));
      if (result instanceof Promise) result.catch(() => {});
    }
  }, /a worker of the WebAssembly engine has ended: it ran out of memory/);
  await backend.close();
});

test('if the driver has ended, calls fail once the queue is full', async () => {
  let fail = (_: string) => {};
  let stopped = 0;
  const makeWorker = (): KernelWorker => ({
    ...deadWorker(),
    // It reports that it is ready, but runs no calls.
    onSettled: (listener) => listener(0),
    onFailed(listener) {
      fail = listener;
    },
    async stop() {
      stopped++;
    },
  });
  const { backend } = await wasmBackend({ makeWorker, threads: 2 });
  fail('it ran out of memory');
  assert.throws(() => {
    for (let i = 0; i < 100_000; i++) backend.submit(new Float64Array(64), false);
  }, /a worker of the WebAssembly engine has ended: it ran out of memory/);
  await backend.close();
  assert.equal(stopped, 2);
});

test('the number of threads respects the limits of a container', (context) => {
  const folder = temporaryFolder(context);
  const group = (name: string, most: string, current: string) => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'pids.max'), most);
    writeFileSync(join(folder, name, 'pids.current'), current);
    return join(folder, name);
  };
  const inner = group('inner', '100\n', '20\n');
  const outer = group('outer', 'max\n', '400\n');
  const full = group('full', '30\n', '29\n');
  assert.equal(allowedThreads([inner, outer]), 64);
  assert.equal(allowedThreads([outer]), Number.POSITIVE_INFINITY);
  assert.equal(allowedThreads([inner, full]), 1);
  assert.equal(allowedThreads([join(folder, 'nothing')]), Number.POSITIVE_INFINITY);
});

const built = existsSync(join(root, 'build', 'native', 'char-rnn.node'));
/** The flag has another name before Node 23. */
const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';
const PERMISSIONS = [PERMISSION, '--allow-fs-read=*', '--allow-fs-write=*'];
/** Node's flags, arguments of the program, and what it prints. */
const starts: [string, string[], string[], RegExp][] = [
  ['without permissions', PERMISSIONS, [], /One thread computes[\s\S]*wasm engine.* 1 thread$/m],
  [
    'without permission to read the text',
    [PERMISSION, `--allow-fs-read=${root}*`],
    [],
    /^Node was started without a permission that this needs \(FileSystemRead, .*\)\. This flag of Node grants it: --allow-fs-read=/m,
  ],
  [
    'with permission for workers',
    [...PERMISSIONS, '--allow-worker'],
    ['--threads', '2'],
    /wasm engine.* 2 threads$/m,
  ],
  ['without add-ons', ['--no-addons'], [], /wasm engine/],
  [
    'without WebAssembly and add-ons',
    ['--no-expose-wasm', '--no-addons'],
    [],
    /^device: .*reference engine/m,
  ],
  ['with --jitless', ['--jitless', '--no-addons'], [], /^device: .*reference engine/m],
  [
    'without WebAssembly, but with --engine wasm',
    ['--no-expose-wasm'],
    ['--engine', 'wasm'],
    /^the WebAssembly engine does not work here: there is no WebAssembly here\.\n.*:\n {2}.* train book\.txt .*--engine reference$/m,
  ],
  ...(built
    ? ([
        [
          'without add-ons, but with --engine native',
          ['--no-addons'],
          ['--engine', 'native'],
          /^this Node was started without permission for add-ons\.\n[\s\S]*\n {2}.* train book\.txt .*--engine auto$/m,
        ],
      ] satisfies [string, string[], string[], RegExp][])
    : []),
];

const SMALL = '-rnn_size 8 -batch_size 4 -seq_length 10 --max_iterations 2'.split(' ');

test('training in a restricted Node', async (context) => {
  const cwd = temporaryFolder(context);
  writeFileSync(join(cwd, 'book.txt'), 'the harbour wall stood in the rain, жизнь. '.repeat(60));
  for (const [name, flags, words, expected] of starts) {
    // Each run has its own cache, so that it has to read the text itself.
    const env = { ...process.env, XDG_CACHE_HOME: join(cwd, name) };
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        ...flags,
        program,
        'train',
        'book.txt',
        '-checkpoint_dir',
        join(cwd, `cv ${name}`),
        ...SMALL,
        ...words,
      ],
      { cwd, env, encoding: 'utf8' },
    );
    assert.match(stdout + stderr, expected, name);
    const isRefused = words.includes('--engine') || name.includes('to read');
    assert.equal(status, isRefused ? 1 : 0, `${name}: ${stderr}`);
    assert.doesNotMatch(stderr, /should not have happened/);
  }
});

test('the native engine uses the threads that the system starts, and a notice says how many', {
  skip: process.platform !== 'linux' || !built ? 'only for the native engine on Linux' : false,
}, (context) => {
  const cwd = temporaryFolder(context);
  writeFileSync(join(cwd, 'book.txt'), 'the harbour wall stood in the rain. '.repeat(60));
  // Memory for the stacks of a few hundred threads.
  const script = `ulimit -s 8192 && ulimit -v 6000000 && exec "${process.execPath}" "${program}" train book.txt "$@"`;
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['-c', script, 'sh', ...SMALL, '--engine', 'native', '--threads', '1024'],
    { cwd, encoding: 'utf8', env: { ...process.env, XDG_CACHE_HOME: cwd } },
  );
  assert.equal(status, 0, stderr);
  const [, threads] = /^(\d+) threads compute, not 1024: the system starts no more\.$/m.exec(stdout) ?? [];
  assert.match(stdout, new RegExp(`^device: CPU, native engine, .* ${threads} threads$`, 'm'));
});

test('auto does not fail if there is neither an add-on nor WebAssembly', async () => {
  const { WebAssembly: real } = globalThis;
  process.env.CHAR_RNN_ADDON = '/nonexistent.node';
  // @ts-expect-error: as in a Node without WebAssembly.
  globalThis.WebAssembly = undefined;
  try {
    const { engine, notice } = await makeEngine({ engine: 'auto', precision: 'float32' });
    assert.equal(engine.description.name, 'reference');
    assert.match(
      notice ?? '',
      /^The reference engine computes, which is many times slower: .*no WebAssembly here/,
    );
    await assert.rejects(makeEngine({ engine: 'wasm', precision: 'float32' }), { code: 'unsupported' });
    await assert.rejects(makeEngine({ engine: 'native', precision: 'float32' }), { code: 'addon-missing' });
  } finally {
    globalThis.WebAssembly = real;
    delete process.env.CHAR_RNN_ADDON;
  }
});
