import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { residentCharRnn } from './resident.ts';

const charRnn = residentCharRnn();
const small = [
  '-rnn_size',
  '12',
  '-num_layers',
  '1',
  '-batch_size',
  '4',
  '-seq_length',
  '10',
  '--max_iterations',
  '2',
];

function setUp(context: TestContext) {
  const cwd = temporaryFolder(context);
  writeFileSync(
    join(cwd, 'book.txt'),
    'the harbour wall stood in the rain, and the keeper walked along it.\n'.repeat(40),
  );
  const env = { XDG_CACHE_HOME: join(cwd, 'cache') };
  return (words: readonly string[], more: Record<string, string> = {}) =>
    charRnn(['train', 'book.txt', ...small, ...words], { cwd, env: { ...env, ...more } });
}

test('--engine and --threads choose the engine, which one line describes', async (context) => {
  const run = setUp(context);
  for (const [words, expected] of [
    [['--engine', 'reference'], /^device: CPU, reference engine .* 1 thread$/m],
    [['--engine', 'wasm', '--threads', '1'], /^device: CPU, wasm engine, WebAssembly SIMD.*, 1 thread$/m],
    [
      ['--precision', 'float64'],
      /^float64 is computed by the reference engine[\s\S]*^device: CPU, reference engine .*float64/m,
    ],
  ] as const) {
    const { code, stdout, stderr } = await run(words);
    assert.equal(code, 0, stderr);
    assert.match(stdout, expected);
  }
});

test('float64 on another engine is wrong usage', async (context) => {
  const { code, stderr } = await setUp(context)(['--precision', 'float64', '--engine', 'wasm']);
  assert.equal(code, 2);
  assert.match(stderr, /float64 is computed by the reference engine alone, not by wasm/);
});

test('bfloat16 on an engine or with a precision that lacks it is wrong usage', async (context) => {
  const run = setUp(context);
  for (const [words, expected] of [
    [['--engine', 'wasm'], /bfloat16 is computed by the native engine alone, not by wasm/],
    [['--engine', 'reference'], /bfloat16 is computed by the native engine alone, not by reference/],
    [['--precision', 'float64'], /--compute: can be bfloat16 only if --precision is float32/],
  ] as const) {
    const { code, stderr } = await run(['--compute', 'bfloat16', ...words]);
    assert.equal(code, 2);
    assert.match(stderr, expected);
  }
});

test('float16 on the CPU is wrong usage or an error, which names the engine that has it', async (context) => {
  const run = setUp(context);
  const wrong = await run(['--compute', 'float16', '--engine', 'wasm']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /float16 is computed by the webgpu engine alone, not by wasm/);
  const unsupported = await run(['--compute', 'float16']);
  assert.equal(unsupported.code, 1);
  assert.match(
    unsupported.stderr,
    /no engine of the CPU computes in float16\.[\s\S]*--engine webgpu[\s\S]*--compute float32/,
  );
});

const skip = nativeVariants().length > 0 ? false : 'the native engine was not built here';
test('CHAR_RNN_ISA forces an instruction set; one that the machine lacks is an error', {
  skip,
}, async (context) => {
  const run = setUp(context);
  for (const variant of nativeVariants()) {
    const { code, stdout, stderr } = await run(['--threads', '3'], { CHAR_RNN_ISA: variant });
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^device: CPU, native engine, (AVX-512|AVX-512 with AMX|AVX-512 with BF16|AVX2|NEON), float32, 3 threads$/m,
    );
  }
  const { code, stderr } = await run([], { CHAR_RNN_ISA: 'sse9' });
  assert.equal(code, 1);
  assert.match(stderr, /this machine lacks sse9; it has/);
});

/** For each fastest instruction set, the `--compute` that is faster than float32. On Intel, AVX512_BF16 is slower than float32. */
const FAST_COMPUTE: Readonly<Record<string, string>> = { avx512amx: 'bfloat16-amx', avx512bf16: 'bfloat16' };

test('--compute bfloat16 trains, and says with which instructions', { skip }, async (context) => {
  const run = setUp(context);
  const [fastest] = nativeVariants();
  for (const variant of nativeVariants()) {
    for (const [compute, own, description] of [
      ['bfloat16', 'avx512bf16', 'products in bfloat16'],
      ['bfloat16-amx', 'avx512amx', 'products in bfloat16, summed as by AMX'],
    ] as const) {
      const words = ['--compute', compute, '--threads', '1'];
      const { code, stdout, stderr } = await run(words, { CHAR_RNN_ISA: variant });
      assert.equal(code, 0, stderr);
      assert.ok(stdout.includes(`, float32, 1 thread, ${description}\n`), stdout);
      const isEmulated = stdout.includes(`${compute} is emulated here`);
      assert.equal(isEmulated, variant !== own);
      const faster =
        variant === fastest && FAST_COMPUTE[variant] !== compute ? FAST_COMPUTE[variant] : undefined;
      const suggested = /On this processor, (\S+) is faster than float32\./.exec(stdout)?.[1];
      assert.equal(suggested, faster, `${variant}, ${compute}`);
    }
  }
});

// Its lines are tested in native-offer.test.ts: each start measures a slow engine.
test('doctor --json shows what the machine can do and measures each engine', async () => {
  const { code, stdout, stderr } = await charRnn(['doctor', '--seconds', '0.01', '--json']);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  assert.deepEqual(
    report.engines.map(({ engine }: { engine: string }) => engine),
    ['webgpu', 'native', 'wasm', 'reference'],
  );
  for (const { milliseconds, problem } of report.engines) assert.ok(milliseconds > 0 || problem);
  assert.deepEqual(report.fastBfloat16, [FAST_COMPUTE[nativeVariants()[0] ?? ''] ?? []].flat());
  assert.equal((await charRnn(['doctor', 'x'])).code, 2);
});

test('sample --count: whole samples in order; the first is the text for the seed itself', async (context) => {
  const cwd = temporaryFolder(context);
  const run = setUp(context);
  const trained = await run(['-checkpoint_dir', cwd]);
  const path = /saved (.*)/.exec(trained.stdout)?.[1] ?? '';
  const sample = (...words: string[]) =>
    charRnn(['sample', path, '-length', '30', '-primetext', 'the ', ...words]);
  const one = (await sample()).stdout;
  const three = (await sample('--count', '3')).stdout;
  const parts = three.split('---\n');
  assert.equal(parts.length, 3);
  assert.equal(parts[0], one);
  assert.equal(new Set(parts).size, 3);
  assert.equal((await sample('--count', '0')).code, 2);
});
