/** The memory that is reported at the start is the memory that a run needs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { totalmem } from 'node:os';
import { test } from 'node:test';
import type { EngineDescription } from '../../src/engine/engine.ts';
import type { Layout } from '../../src/engine/layout.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import type { MakeEngine } from '../../src/engine/select.ts';
import { MemoryError, memoryStorage, type TrainingEvent } from '../../src/index.ts';
import { memoryText } from '../../src/train/event-facts.ts';
import { corpusToStart, planStart, startRun } from '../../src/train/train.ts';
import { freeMemory } from '../../src/util/machine.node.ts';
import { root } from '../cli/command.ts';

const program = `
  import { train } from './dist/index.js';
  const text = 'the harbour wall stood in the rain, and the keeper walked along it. '.repeat(4000);
  const before = process.memoryUsage().rss;
  let reported = 0;
  const growth = [];
  for await (const event of train({ text, hiddenSize: 400, maxIterations: 4 })) {
    if (event.type === 'started') reported = event.memory;
    if (event.type === 'iteration') growth.push(process.memoryUsage().rss - before);
  }
  console.log(JSON.stringify({ reported, growth }));`;

test('the reported memory is within 15% of the growth of the process, nearly all of it before the second iteration', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type', 'module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.notEqual(stdout, '', stderr);
  const { reported, growth } = JSON.parse(stdout) as { reported: number; growth: number[] };
  const last = growth.at(-1) as number;
  assert.ok(Math.abs(reported / last - 1) < 0.15, `reported ${reported}, grew by ${last}`);
  assert.ok(
    last < 1.05 * (growth[0] as number),
    `it grew from ${growth[0]} to ${last} after the first iteration`,
  );
});

test('the free memory is reported before the first iteration, with a warning if it is too little', async () => {
  const isWarned = async (free: number | undefined) => {
    const all: TrainingEvent[] = [];
    const text = 'the harbour wall stood in the rain. '.repeat(40);
    const settings = { storage: memoryStorage(), freeMemory: free };
    const shape = { hiddenSize: 8, layers: 1, batchSize: 2, sequenceLength: 10, maxIterations: 1 };
    const plan = planStart(shape, undefined);
    const corpus = await corpusToStart({ text, name: 'the text' }, plan);
    for await (const event of startRun(corpus, plan, settings)) all.push(event);
    const before = all.slice(
      0,
      all.findIndex(({ type }) => type === 'iteration'),
    );
    const started = before.find((event) => event.type === 'started');
    assert.equal(started?.type === 'started' && started.freeMemory, free);
    return before.some((event) => event.type === 'warning' && event.code === 'memory-short');
  };
  assert.equal(await isWarned(1e6), true);
  assert.equal(await isWarned(1e9), false);
  assert.equal(await isWarned(undefined), false);
  const now = freeMemory();
  assert.ok(now > 0 && now <= totalmem(), `${now}`);
});

/** An engine that says that its memory is a GPU's. */
class DeviceEngine extends ReferenceEngine {
  override readonly description: EngineDescription;
  readonly #isFull: boolean;

  constructor(isFull: boolean) {
    super('float32');
    const { description } = new ReferenceEngine('float32');
    this.description = { ...description, canBeLost: true, limits: { isOnDevice: true } };
    this.#isFull = isFull;
  }

  override vector(layout: Layout) {
    if (this.#isFull) throw new MemoryError('the GPU has no memory left');
    return super.vector(layout);
  }
}

const large = { hiddenSize: 200, layers: 1, batchSize: 20, sequenceLength: 50, maxIterations: 1 };
/** Bytes of the three copies of its state, and less than the run needs in all. */
const MEMORY = 8e6;

/** Trains on a GPU; on the CPU if the choice is `auto`. */
async function runOnGpu(isFull: boolean) {
  const makeEngine: MakeEngine = async ({ engine }) => ({
    engine: engine === 'auto' ? new ReferenceEngine('float32') : new DeviceEngine(isFull),
    notice: undefined,
  });
  const text = 'the harbour wall stood in the rain. '.repeat(200);
  const plan = planStart({ ...large, engine: 'webgpu', baseline: false }, undefined);
  const corpus = await corpusToStart({ text, name: 'the text' }, plan);
  const settings = { storage: memoryStorage(), availableMemory: MEMORY, freeMemory: 1e9, makeEngine };
  const events: TrainingEvent[] = [];
  let error: unknown;
  try {
    for await (const event of startRun(corpus, plan, settings)) events.push(event);
  } catch (thrown) {
    error = thrown;
  }
  return { events, error };
}

test("on a GPU, a run may need more than the machine's memory, and reports both", async () => {
  const { events, error } = await runOnGpu(false);
  assert.equal(error, undefined);
  const started = events.find((event) => event.type === 'started');
  assert.ok(started?.type === 'started' && started.gpuMemory !== undefined);
  assert.ok(started.gpuMemory > MEMORY, `${started.gpuMemory}`);
  assert.match(memoryText(started), /^about .* of 1 GB free, and about .* on the GPU$/);
});

test('if the GPU has too little memory, and the machine too, the run ends with an error', async () => {
  const { events, error } = await runOnGpu(true);
  assert.equal(events.filter(({ type }) => type === 'warning').length, 3);
  assert.ok(error instanceof MemoryError);
  assert.match(error.message, /would take about .*; there are 8 MB\./);
});
