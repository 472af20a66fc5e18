/** How the fast engines affect the program that uses them: the event loop, the end of the process, rejected calls. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { COMMAND_LENGTH } from '../../src/engine/cpu/calls.ts';
import { nativeBackend, nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { nodeWasmBackend } from '../../src/engine/cpu/wasm.node.ts';
import { MemoryBlocks } from '../../src/engine/cpu/wasm-memory.ts';
import { makeEngine } from '../../src/engine/select.node.ts';
import { Network } from '../../src/model/network.ts';
import { root } from '../cli/command.ts';
import { fastEngines } from './engines.ts';

for (const { name, make } of fastEngines.filter((kind) => !kind.name.includes('one thread'))) {
  test(`${name}: timers fire while an iteration is computed`, async () => {
    const engine = await make();
    const config = { cell: 'lstm', layers: 2, hiddenSize: 400, vocabularySize: 65 } as const;
    const network = new Network(engine, config, { batchSize: 50, sequenceLength: 20 });
    const tokens = new Int32Array(1000);
    const state = network.makeState();
    let fired = 0;
    const timer = setInterval(() => fired++, 1);
    const [weights, gradient] = [engine.vector(network.layout), engine.vector(network.layout)];
    const batch = { inputs: tokens, targets: tokens };
    network.lossAndGradient(weights, gradient, batch, state);
    await engine.read(network.loss);
    clearInterval(timer);
    // The iteration takes dozens of milliseconds. If the engine blocked the thread, the timer would fire once, if at all.
    assert.ok(fired >= 3, `the timer fired ${fired} times`);
    await engine.close();
  });
}

for (const { name, make } of fastEngines) {
  test(`${name}: a read returns the values at the time of the call, even if later operations run before it resolves`, async () => {
    const engine = await make();
    // Large enough for the calls to be queued.
    const layout = [{ kind: 'linear', name: 'decoder', inputSize: 1250, outputSize: 1600 }] as const;
    const vectors = [1, 2].map((value) => {
      const vector = engine.vector(layout);
      engine.fill(vector, value);
      return vector;
    });
    const state = engine.tensor('float', [2, 1000, 1000]);
    engine.fill(state, 3);
    const reads = [...vectors.map((vector) => engine.read(vector)), engine.read(state)];
    for (const vector of vectors) engine.fill(vector, 9);
    engine.fill(state, 9);
    for (const [index, values] of (await Promise.all(reads)).entries()) {
      assert.equal(
        values.findIndex((value) => value !== index + 1),
        -1,
        `read ${index + 1}`,
      );
    }
    await engine.close();
  });
}

for (const { name, make } of fastEngines) {
  test(`${name}: an engine that is closed finishes the reads that are under way, and refuses others`, async () => {
    const engine = await make();
    const state = engine.tensor('float', [2, 1000, 1000]);
    engine.fill(state, 3);
    const values = engine.read(state);
    await engine.close();
    assert.equal((await values).at(-1), 3);
    await assert.rejects(async () => engine.read(state), /this engine is closed/);
    assert.throws(() => engine.fill(state, 4), /this engine is closed/);
    engine.release(state);
  });
}

test('threads and workers do not keep the process alive', () => {
  const script = `
    const { makeEngine } = await import('./dist/index.js');
    for (const engine of ['auto', 'wasm']) {
      const { engine: made } = await makeEngine({ engine, precision: 'float32' });
      const tensor = made.tensor('float', [2]);
      made.write(tensor, [1, 2]);
      console.log((await made.read(tensor)).join());
    }`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type', 'module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 0, stderr);
  assert.equal(stdout, '1,2\n1,2\n');
});

/** A command of arbitrary numbers. */
function randomCommand(random: () => number, buffers: readonly number[]): Float64Array {
  const kinds = [0, 1, 2, 3, 16, 17, 1000, 1e9, 2 ** 40, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY];
  const command = Float64Array.from(
    { length: COMMAND_LENGTH },
    () => kinds[Math.floor(random() * kinds.length)] as number,
  );
  command[0] = Math.floor(random() * 24) - 1;
  for (let i = 25; i < COMMAND_LENGTH; i++)
    command[i] = random() < 0.2 ? 0 : (buffers[i % buffers.length] as number);
  return command;
}

for (const kind of ['native', 'wasm'] as const) {
  const skip = kind === 'native' && nativeVariants().length === 0 ? 'it was not built here' : false;
  test(`${kind}: random commands are rejected, and the engine still works`, { skip }, async () => {
    const backend = kind === 'native' ? nativeBackend({ threads: 2 }) : (await nodeWasmBackend(2)).backend;
    const buffers = [64, 4096, 65536].map((bytes) => backend.allocate(bytes));
    let state = 12345;
    const random = () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return state / 2 ** 32;
    };
    let refused = 0;
    for (let i = 0; i < 3000; i++) {
      backend.submit(randomCommand(random, buffers), i % 2 === 0);
      try {
        await backend.read(buffers[0] as number, 0, new Float32Array(1));
      } catch (error) {
        assert.match(String(error), /refused a call/);
        refused++;
      }
    }
    assert.ok(refused > 1500, `${refused} refused`);
    assert.throws(() => backend.write(buffers[0] as number, 60, new Float32Array(2)), /beyond the buffer/);
    assert.throws(() => backend.write(999, 0, new Float32Array(1)));
    backend.write(buffers[0] as number, 0, Float32Array.of(7));
    assert.deepEqual([...(await backend.read(buffers[0] as number, 0, new Float32Array(1)))], [7]);
    await backend.close();
  });
}

test('requesting an engine that does not work here is an error with the reason', async () => {
  const before = process.env.CHAR_RNN_ISA;
  process.env.CHAR_RNN_ISA = 'sse9';
  await assert.rejects(makeEngine({ engine: 'auto', precision: 'float32' }), { code: 'unsupported' });
  if (before === undefined) delete process.env.CHAR_RNN_ISA;
  else process.env.CHAR_RNN_ISA = before;
  await assert.rejects(makeEngine({ engine: 'wasm', precision: 'float64' }), {
    code: 'usage',
    message: /float64/,
  });
  const { engine, notice } = await makeEngine({ engine: 'auto', precision: 'float64' });
  assert.equal(engine.description.name, 'reference');
  assert.match(notice ?? '', /float64/);
});

test('adjacent free blocks of memory are joined', () => {
  let end = 0;
  const blocks = new MemoryBlocks(100, (to) => {
    end = Math.max(end, to);
  });
  const [a, b, c] = [blocks.allocate(100), blocks.allocate(64), blocks.allocate(1)];
  assert.deepEqual([a, b, c], [128, 256, 320]);
  blocks.free(a);
  blocks.free(b);
  assert.equal(blocks.allocate(190), a);
  assert.equal(blocks.allocate(1000), 384);
  assert.equal(end, 384 + 1024);
  assert.throws(() => blocks.free(5), RangeError);
});

test('WebAssembly workers start in a process with --input-type=module', () => {
  const program = `const { train } = await import(${JSON.stringify(new URL('dist/index.js', `file://${root}`).href)});
    const text = 'the harbour wall, the rain. '.repeat(200);
    const options = { engine: 'wasm', threads: 2, hiddenSize: 8, batchSize: 4, sequenceLength: 10, maxIterations: 2 };
    for await (const { type } of train({ text, ...options })) if (type === 'finished') console.log(type);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  assert.equal(stdout, 'finished\n', stderr);
});
