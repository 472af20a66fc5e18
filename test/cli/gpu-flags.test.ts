/** The GPU at the command line: messages without one, and the choice of one. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gpuOffer, likelyGpu } from '../../src/cli/report/gpu-offer.ts';
import { webgpuInstallation } from '../../src/engine/webgpu/installation.node.ts';
import { skipWithoutSoftwareGpu } from '../engine/webgpu/software.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { charRnn } from './command.ts';

/** Hides every driver, and so every GPU, of a machine with Linux. */
const NO_DRIVER = { VK_DRIVER_FILES: '/nonexistent.json' };
const SOFTWARE = { CHAR_RNN_GPU: 'software' };
const SMALL = '-rnn_size 8 -num_layers 1 -batch_size 4 -seq_length 10 --baseline false'.split(' ');

const isInstalled = webgpuInstallation().version !== undefined;
const REASON = isInstalled
  ? /there is no Vulkan loader, libvulkan\.so\.1\. Install it \(.*\) and the driver of your GPU\.|there is a Vulkan loader, but no driver\. Install /
  : /the package webgpu, which computes on GPUs, is not installed\. To install it \(132 MB\): npm install --no-save --save-dev webgpu@0\.6/;
const skip = isInstalled && process.platform !== 'linux' ? 'here, drivers cannot be hidden' : false;

function setUp(context: TestContext) {
  const cwd = temporaryFolder(context);
  writeFileSync(join(cwd, 'book.txt'), 'the harbour wall stood in the rain. '.repeat(60));
  const run = (words: readonly string[], env: Record<string, string>) =>
    charRnn(words, { cwd, env: { CHAR_RNN_GPU: '', XDG_CACHE_HOME: join(cwd, 'cache'), ...env } });
  const train = (iterations: number, words: readonly string[], env: Record<string, string>) =>
    run(['train', 'book.txt', ...SMALL, '--max_iterations', String(iterations), ...words], env);
  const resume = (iterations: number, words: readonly string[], env: Record<string, string>) =>
    run(['train', '--resume', 'cv', '--max_iterations', String(iterations), ...words], env);
  return { run, train, resume };
}

/** The lines that contain a pattern. */
const linesWith = (text: string, pattern: RegExp) => text.split('\n').filter((line) => pattern.test(line));

test('-gpuid N and -opencl 1 use the CPU if there is no GPU, with one line', { skip }, async (context) => {
  const { run, train } = setUp(context);
  for (const [words, number] of [
    [['-gpuid', '0'], 0],
    [['-gpuid', '3'], 3],
    [['-opencl', '1'], 0],
    [['-opencl', '1', '-gpuid', '2'], 2],
    [['-gpuid', '-1'], undefined],
    [['-opencl', '1', '-gpuid', '-1'], undefined],
    [[], undefined],
  ] as const) {
    const { code, stdout, stderr } = await train(1, words, NO_DRIVER);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^device: CPU, /m);
    const lines = linesWith(stdout + stderr, /GPU|webgpu|[Vv]ulkan/);
    assert.equal(lines.length, number === undefined ? 0 : 1, lines.join('\n'));
    if (number === undefined) continue;
    assert.match(lines[0] ?? '', new RegExp(`^GPU ${number} can't be used, so the CPU computes: .*$`));
    assert.match(lines[0] ?? '', REASON);
  }
  if (isInstalled) {
    const { stdout } = await train(1, ['-gpuid', '0'], { ...NO_DRIVER, NODE_OPTIONS: '--no-addons' });
    assert.match(
      stdout,
      /^GPU 0 can't be used, so the CPU computes: this Node was started without permission for add-ons\. /m,
    );
  }
  for (const words of [
    ['sample', 'cv', '-length', '5'],
    ['eval', 'cv'],
    ['complete', 'cv', 'the'],
    ['compare', 'cv', 'cv', 'book.txt'],
  ]) {
    const { code, stderr } = await run([...words, '-gpuid', '0'], NO_DRIVER);
    assert.equal(code, 0, stderr);
    assert.equal(linesWith(stderr, /^GPU 0 can't be used, so the CPU computes: /).length, 1, stderr);
  }
});

test('--engine webgpu without a GPU is an error with the reason and another command', {
  skip,
}, async (context) => {
  const { run, train } = setUp(context);
  assert.equal((await train(1, [], NO_DRIVER)).code, 0);
  for (const words of [
    ['train', 'book.txt', ...SMALL, '--max_iterations', '1'],
    ['sample', 'cv', '-length', '5'],
    ['eval', 'cv'],
    ['complete', 'cv', 'the'],
    ['compare', 'cv', 'cv', 'book.txt'],
    ['serve', 'cv', '--port', '0'],
  ]) {
    const { code, stderr } = await run([...words, '--engine', 'webgpu', '-gpuid', '1'], NO_DRIVER);
    assert.equal(code, 1, stderr);
    assert.match(stderr, REASON);
    assert.match(stderr, /^To compute on the CPU:\n {2}.*--engine auto$/m);
    assert.doesNotMatch(stderr, /gpuid|should not have happened/);
  }
});

test('flags of the GPU that contradict each other', async (context) => {
  const { train } = setUp(context);
  for (const [words, expected] of [
    [['--engine', 'webgpu', '-gpuid', '-1'], /-gpuid: got -1, which is the CPU, but --engine is webgpu/],
    [
      ['--engine', 'webgpu', '--precision', 'float64'],
      /float64 is computed by the reference engine alone, not by webgpu/,
    ],
    [['-gpuid', '-2'], /-gpuid: got -2/],
  ] as const) {
    const { code, stderr } = await train(1, words, NO_DRIVER);
    assert.equal(code, 2, stderr);
    assert.match(stderr, expected);
  }
  const other = await train(1, ['--engine', 'reference', '-gpuid', '0'], NO_DRIVER);
  assert.match(other.stdout, /^GPU 0 is not used: the reference engine computes on the CPU\.$/m);
  const double = await train(1, ['-gpuid', '0', '--precision', 'float64'], NO_DRIVER);
  assert.match(double.stdout, /^GPU 0 can't be used, so the CPU computes: it does not compute in float64\./m);
});

test('a software adapter computes only if the environment allows it; a resumed run keeps its engine', {
  skip: skipWithoutSoftwareGpu,
}, async (context) => {
  const { run, train, resume } = setUp(context);
  const gpu = /^device: .*SwiftShader.*, webgpu engine, float32$/m;
  const begun = await train(1, ['-model', 'rnn', '--engine', 'webgpu'], SOFTWARE);
  assert.equal(begun.code, 0, begun.stderr);
  assert.match(begun.stdout, gpu);
  const kept = await resume(2, [], SOFTWARE);
  assert.equal(kept.code, 0, kept.stderr);
  assert.match(kept.stdout, gpu);
  assert.match(kept.stdout, /^the run continues with the GPU engine, as before$/m);
  const lost = await resume(3, [], NO_DRIVER);
  assert.equal(lost.code, 0, lost.stderr);
  assert.match(lost.stdout, /^device: CPU, /m);
  assert.match(lost.stdout, /^GPU 0 can't be used, so the CPU computes: .*$/m);
  assert.match(lost.stdout, /^the run has --engine webgpu: it continues with the \w+ engine, and returns /m);
  assert.doesNotMatch(lost.stdout, /the GPU engine, as before/);
  const refused = await resume(4, ['-gpuid', '-1'], SOFTWARE);
  assert.match(refused.stdout, /^resumed with another --gpuid: -1, was none$/m);
  assert.match(refused.stdout, /^device: CPU, /m);
  const missing = await run(['sample', 'cv', '--engine', 'webgpu', '-gpuid', '1'], SOFTWARE);
  assert.equal(missing.code, 1);
  assert.match(
    missing.stderr,
    /^there is no GPU 1\. The GPUs here are 0: .*SwiftShader.*\.\nTo use the first:\n {2}.* --gpuid 0$/m,
  );
  const sampled = await run(['sample', 'cv', '-length', '5', '-gpuid', '0'], SOFTWARE);
  assert.match(sampled.stderr, /^model: .*SwiftShader.*, webgpu engine, float32$/m);
});

test('a model that is too large for a GPU: the sizes that fit, and the CPU', {
  skip: skipWithoutSoftwareGpu,
}, async (context) => {
  const { train } = setUp(context);
  const { code, stderr } = await train(1, ['-gpuid', '0', '-rnn_size', '9000'], SOFTWARE);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^an lstm with one layer of 9,000 units, .* array of .*; the engine's limit for one array is /,
  );
  assert.match(stderr, /^With fewer hidden units, it fits:\n.* --rnn-size \d+$/m);
  assert.match(stderr, /^To compute on the CPU:\n(?!.*gpuid).* --engine auto$/m);
});

test('--compute float16 trains on a GPU, and a resumed run keeps it', {
  skip: skipWithoutSoftwareGpu,
}, async (context) => {
  const { train, resume } = setUp(context);
  const device = /^device: .*SwiftShader.*, webgpu engine, float32, recurrent weights in float16$/m;
  const words = ['-model', 'rnn', '--engine', 'webgpu', '--compute', 'float16'];
  for (const { code, stdout, stderr } of [await train(1, words, SOFTWARE), await resume(2, [], SOFTWARE)]) {
    assert.equal(code, 0, stderr);
    assert.match(stdout, device);
  }
  const lost = await resume(3, [], NO_DRIVER);
  assert.equal(lost.code, 1);
  assert.match(lost.stderr, /GPU 0 can't be used, and no engine of the CPU computes in float16: /);
  assert.equal((await resume(3, ['--compute', 'float32'], NO_DRIVER)).code, 0);
});

test('a GPU that is not used is mentioned in long runs', (context) => {
  const nvidia = () => 'NVIDIA';
  const long = { engine: 'auto', gpu: undefined, milliseconds: 120_000 };
  const [line, command] = gpuOffer(long, nvidia, {});
  assert.match(
    line ?? '',
    /^A GPU \(NVIDIA\) seems to be present\. The CPU computes, unless you choose the GPU with --gpuid 0\. To measure both:$/,
  );
  assert.match(command ?? '', / doctor$/);
  assert.deepEqual(gpuOffer({ ...long, gpu: -1 }, nvidia, {}), []);
  assert.deepEqual(gpuOffer({ ...long, engine: 'native' }, nvidia, {}), []);
  assert.deepEqual(gpuOffer({ ...long, milliseconds: 1000 }, nvidia, {}), []);
  assert.deepEqual(gpuOffer(long, nvidia, { CI: '1' }), []);
  assert.deepEqual(
    gpuOffer(long, () => undefined, {}),
    [],
  );
  const root = temporaryFolder(context);
  assert.equal(likelyGpu(root, 'linux'), undefined);
  const device = (name: string, vendor: string) => {
    mkdirSync(join(root, 'sys/class/drm', name, 'device'), { recursive: true });
    writeFileSync(join(root, 'sys/class/drm', name, 'device/vendor'), `${vendor}\n`);
  };
  // A virtual machine's display.
  device('renderD128', '0x1af4');
  assert.equal(likelyGpu(root, 'linux'), undefined);
  device('renderD129', '0x1002');
  assert.equal(likelyGpu(root, 'linux'), 'AMD');
  mkdirSync(join(root, 'dev'));
  writeFileSync(join(root, 'dev/nvidia0'), '');
  assert.equal(likelyGpu(root, 'linux'), 'NVIDIA');
  assert.equal(likelyGpu(root, 'win32'), undefined);
});
