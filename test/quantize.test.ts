/** Models with int8 weights: the option `quantize` of the library and the flag of the commands. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { decodeCheckpoint, encodeCheckpoint } from '../src/checkpoint/codec.ts';
import { readForInference } from '../src/cli/run/read-for-inference.ts';
import { engineMaker } from '../src/engine/choose.ts';
import { CpuEngine } from '../src/engine/cpu/cpu-engine.ts';
import { nodeWasmBackend } from '../src/engine/cpu/wasm.node.ts';
import { ReferenceEngine } from '../src/engine/reference/reference-engine.ts';
import { LanguageModel } from '../src/language-model.node.ts';
import { layoutOf } from '../src/model/config.ts';
import { createServer } from '../src/server/server.ts';
import { joinBytes } from '../src/util/bytes.ts';
import { madeCheckpoint } from './checkpoint/made-checkpoint.ts';
import { root } from './cli/command.ts';
import { residentCharRnn } from './cli/resident.ts';
import { temporaryFolder } from './temporary-folder.ts';

const charRnn = residentCharRnn();
const example = join(root, 'models', 'moby-dick.safetensors');
const TEXT = readFileSync(join(root, 'models', 'README.md'), 'utf8').slice(0, 1500);

test('an int8 model writes the same text on every engine with equal bits, and loses little', async () => {
  const bytes = readFileSync(example);
  const results: { text: string; nats: number; quantization: string | undefined }[] = [];
  for (const [engine, quantize] of [
    ['auto', 'int8'],
    ['wasm', 'int8'],
    ['auto', 'none'],
  ] as const) {
    const model = LanguageModel.fromBytes(bytes, 'example', { engine, quantize, threads: 1 });
    const [text = ''] = await model.generateAll({ prompts: ['Call me '], length: 200, seed: 5 });
    const { nats } = await model.score(TEXT);
    const described = await model.describeEngine();
    assert.equal(described.endsWith(', weights in int8'), quantize === 'int8', described);
    results.push({ text, nats, quantization: model.quantization });
    await model.close();
  }
  const [native, wasm, floats] = results;
  assert.deepEqual(native, wasm);
  assert.equal(native?.quantization, 'int8');
  assert.equal(floats?.quantization, undefined);
  const difference = Math.abs((native?.nats ?? 0) - (floats?.nats ?? 0)) / TEXT.length;
  assert.ok(difference > 0 && difference < 0.02, String(difference));
});

test('a model in int8 keeps the levels in memory, not the floats, also after its file was closed or changed', async (context) => {
  const folder = temporaryFolder(context);
  const made = { ...madeCheckpoint({ hiddenSize: 256 }), training: undefined };
  const inInt8 = joinBytes(encodeCheckpoint(made, 'int8'));
  const { parameters } = decodeCheckpoint(inInt8, 'small');
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const arrays = () => {
    collectGarbage();
    return process.memoryUsage().arrayBuffers;
  };
  /** The least number of bytes of arrays within a time: V8 frees some of them later, on another thread. */
  const arraysThatStay = async (seconds: number, enough = 0) => {
    let least = arrays();
    for (const end = performance.now() + seconds * 1000; least > enough && performance.now() < end; ) {
      await sleep(20);
      least = Math.min(least, arrays());
    }
    return least;
  };
  for (const [name, bytes, quantize] of [
    ['int8', inInt8, undefined],
    ['floats', joinBytes(encodeCheckpoint(made)), 'int8'],
    ['floats of a run', joinBytes(encodeCheckpoint(madeCheckpoint({ hiddenSize: 256 }))), 'int8'],
  ] as const) {
    const path = join(folder, `${name}.safetensors`);
    writeFileSync(path, bytes);
    const limit = 0.3 * parameters.byteLength;
    const before = await arraysThatStay(0.3);
    const checkpoint = await readForInference(path, quantize);
    const taken = (await arraysThatStay(10, before + limit)) - before;
    writeFileSync(path, '');
    assert.ok(taken <= limit, `${name}: ${taken} of ${parameters.byteLength} bytes`);
    assert.deepEqual(checkpoint.parameters, parameters);
  }
});

test('int8 weights take about a quarter of the memory of an engine', async () => {
  const engine = new CpuEngine((await nodeWasmBackend(1)).backend);
  const layout = layoutOf({ cell: 'lstm', layers: 2, hiddenSize: 256, vocabularySize: 65 });
  const empty = engine.bytesInUse;
  const floats = engine.vector(layout);
  const bytesOfFloats = engine.bytesInUse - empty;
  engine.release(floats);
  engine.vector(layout, 'int8');
  const bytesOfLevels = engine.bytesInUse - empty;
  assert.ok(bytesOfLevels < 0.28 * bytesOfFloats, `${bytesOfLevels} of ${bytesOfFloats} bytes`);
  await engine.close();
});

test('a model that can not be quantized, and options that exclude each other, are errors with a remedy', async () => {
  const checkpoint = madeCheckpoint();
  assert.throws(() => new LanguageModel(checkpoint, { quantize: 'int8', precision: 'float64' }), {
    code: 'option',
    message: /quantize: got int8, which is computed in float32, but `precision` is float64/,
  });
  const model = new LanguageModel(checkpoint, { quantize: 'int8', threads: 1 });
  await assert.rejects(model.score('abab', { dynamic: true }), { code: 'option' });
  await model.close();

  const parameters = Float32Array.from(checkpoint.parameters);
  parameters[4] = Number.NaN;
  const broken = new LanguageModel({ ...checkpoint, parameters }, { quantize: 'int8', threads: 1 });
  await assert.rejects(
    broken.generateAll({ prompts: ['a'] }),
    (error: { message: string; remedies: unknown }) => {
      assert.match(error.message, /parameter 4 of the model is NaN/);
      assert.deepEqual(error.remedies, [
        { text: 'To compute with the weights as they are', set: { quantize: 'none' } },
      ]);
      return true;
    },
  );
  await broken.close();

  const floatsAlone = engineMaker(
    [
      {
        name: 'reference',
        instead: '',
        precisions: ['float32'],
        open: async () => ({ engine: new ReferenceEngine('float32'), notice: undefined }),
      },
    ],
    'here',
  );
  const refused = new LanguageModel(checkpoint, { quantize: 'int8', makeEngine: floatsAlone });
  await assert.rejects(refused.generateAll({ prompts: ['a'] }), /no engine computes in int8 here/);
});

test('a model in double precision is quantized in float32', async () => {
  const checkpoint = madeCheckpoint({ precision: 'float64', hiddenSize: 20 });
  const model = new LanguageModel(checkpoint, { quantize: 'int8', engine: 'reference' });
  assert.match(await model.describeEngine(), /float32, 1 thread, weights in int8/);
  await model.close();
});

test('the commands have --quantize, and a server says which models are in int8', async (context) => {
  const cwd = temporaryFolder(context);
  const made = madeCheckpoint({ hiddenSize: 20 });
  writeFileSync(join(cwd, 'm.safetensors'), joinBytes(encodeCheckpoint(made)));
  writeFileSync(join(cwd, 't.txt'), 'a\u20ac\u00e9\na'.repeat(30));
  const losses: string[] = [];
  for (const quantize of ['int8', 'none']) {
    const run = await charRnn(['eval', 'm.safetensors', 't.txt', '--json', '--quantize', quantize], { cwd });
    assert.equal(run.code, 0, run.stderr);
    losses.push(String(JSON.parse(run.stdout).nats ?? run.stdout));
  }
  assert.notEqual(losses[0], losses[1]);
  const words = ['sample', 'm.safetensors', '--prompt', 'a', '--length', '20', '--quantize', 'int8'];
  const sampled = await charRnn(words, { cwd });
  assert.equal(sampled.code, 0, sampled.stderr);
  assert.match(sampled.stderr, /weights in int8/);
  const dynamic = await charRnn(['eval', 'm.safetensors', 't.txt', '--dynamic', '--quantize', 'int8'], {
    cwd,
  });
  assert.equal(dynamic.code, 2);
  assert.match(dynamic.stderr, /--dynamic changes the weights/);

  const checkpoint = decodeCheckpoint(readFileSync(join(cwd, 'm.safetensors')), 'm');
  const models = {
    small: new LanguageModel(checkpoint, { quantize: 'int8', threads: 1 }),
    large: new LanguageModel(checkpoint, { threads: 1 }),
  };
  const server = createServer(models);
  const response = await server(new Request('http://localhost/v1/models'));
  const { data } = (await response.json()) as { data: { id: string; quantization?: string }[] };
  assert.deepEqual(
    data.map(({ id, quantization }) => [id, quantization]),
    [
      ['small', 'int8'],
      ['large', undefined],
    ],
  );
  await server.close();
  for (const model of Object.values(models)) await model.close();
});

test('convert --quantize int8: a quarter of float32, also of a model in float16, and kept by another conversion', async (context) => {
  const cwd = temporaryFolder(context);
  const convert = async (...words: string[]) => {
    const run = await charRnn(['convert', ...words], { cwd });
    assert.equal(run.code, 0, run.stderr);
  };
  await convert(example, 'floats.safetensors', '--precision', 'float32');
  await convert(example, 'small.safetensors', '--quantize', 'int8');
  await convert('small.safetensors', 'again.safetensors');
  const size = (name: string) => readFileSync(join(cwd, name)).length;
  assert.ok(size('small.safetensors') < 0.28 * size('floats.safetensors'));
  assert.ok(
    readFileSync(join(cwd, 'again.safetensors')).equals(readFileSync(join(cwd, 'small.safetensors'))),
  );
  const resumed = await charRnn(['train', '--resume', 'small.safetensors'], { cwd });
  assert.equal(resumed.code, 1);
  assert.match(resumed.stderr, /no training state to resume/);
});
