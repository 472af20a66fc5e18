/** If an engine is lost during a run, or has too little memory, the run goes on from a copy of its state, and nothing is lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { memoryStorage } from '../../src/checkpoint/storage/memory-storage.ts';
import { buildCorpus } from '../../src/data/corpus.ts';
import { engineMaker } from '../../src/engine/choose.ts';
import { CpuEngine } from '../../src/engine/cpu/cpu-engine.ts';
import { makeNodeWorker } from '../../src/engine/cpu/wasm.node.ts';
import { wasmBackend } from '../../src/engine/cpu/wasm.ts';
import type { KernelWorker } from '../../src/engine/cpu/wasm-worker.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { type MakeEngine, REFERENCE_KIND, webgpuKind } from '../../src/engine/select.ts';
import { EngineLostError, UnsupportedError } from '../../src/errors.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import type { FinishedEvent, TrainingEvent } from '../../src/train/events.ts';
import { decodeEvent, type LoggedEvent } from '../../src/train/log/logged-event.ts';
import { LoggedRun } from '../../src/train/log/logged-run.ts';
import { checkTrainingOptions, type TrainingOptions } from '../../src/train/options.ts';
import { trainOn } from '../../src/train/train.ts';
import type { Given } from '../../src/util/check-options.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { type Fault, losableEngines, nth } from '../engine/losable-engine.ts';

const text = 'the keeper of the harbour light walked along the wall in the rain. '.repeat(40);
const small: Given<TrainingOptions> = {
  ...{ hiddenSize: 3, layers: 1, batchSize: 2, sequenceLength: 4, precision: 'float32', baseline: false },
  ...{ maxIterations: 140, evaluateEvery: 60, checkpointEvery: '25' },
  ...{ trainFraction: 0.97, validationFraction: 0.02 },
};

interface Result {
  readonly events: readonly TrainingEvent[];
  readonly finished: FinishedEvent | undefined;
  readonly error: unknown;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

interface RunMore {
  readonly resume?: Checkpoint;
  readonly signal?: AbortSignal;
  readonly hasStorage?: boolean;
  /** Returns true to leave the run. */
  readonly onEvent?: (event: TrainingEvent) => boolean;
}

async function run(
  makeEngine: MakeEngine,
  more: Given<TrainingOptions> = {},
  { resume, signal, hasStorage = true, onEvent = () => false }: RunMore = {},
): Promise<Result> {
  const options = checkTrainingOptions({ ...small, ...more });
  const corpus = await buildCorpus({ text, name: 'the text' }, options);
  const storage = memoryStorage();
  const events: TrainingEvent[] = [];
  let error: unknown;
  try {
    const settings = { makeEngine, storage: hasStorage ? storage : undefined, runId: 'run', signal };
    const beginning = resume && { initial: resume, resumes: true };
    for await (const event of trainOn(corpus, options, settings, beginning)) {
      events.push(event);
      if (onEvent(event)) break;
    }
  } catch (thrown) {
    error = thrown;
  }
  const finished = events.find((event) => event.type === 'finished');
  return { events, finished, error, files: storage.files };
}

const whole = new Map<string, Promise<Result>>();

/** The same run on an engine that is never lost. */
function wholeRun(more: Given<TrainingOptions> = {}): Promise<Result> {
  const key = JSON.stringify(more);
  const known = whole.get(key) ?? run(losableEngines([]).makeEngine, more);
  whole.set(key, known);
  return known;
}

/** Checks that a run with lost engines ended with the same model, losses and files as one without. */
function assertSame(got: Result, expected: Result): void {
  if (got.error) throw got.error;
  assert.deepEqual(got.finished?.checkpoint, expected.finished?.checkpoint);
  assert.equal(got.finished?.path, expected.finished?.path);
  assert.deepEqual([...got.files.keys()].sort(), [...expected.files.keys()].sort());
  assert.deepEqual(got.files.get('best.safetensors'), expected.files.get('best.safetensors'));
  const logged = new LoggedRun();
  for (const event of got.events) logged.add(asLogged(event));
  const { trainLosses, validationLosses } = expected.finished?.checkpoint.training ?? {};
  assert.deepEqual(logged.trainLosses, trainLosses);
  assert.deepEqual(logged.validationLosses, validationLosses);
}

/** An event as a reader of the log gets it. */
function asLogged(event: TrainingEvent): LoggedEvent {
  const { checkpoint: _, ...plain } = event as FinishedEvent;
  const line = JSON.stringify({ time: new Date(0).toISOString(), ...plain });
  const logged = decodeEvent(new TextEncoder().encode(line));
  assert.ok(typeof logged === 'object', `${line}: ${String(logged)}`);
  return logged;
}

/** Checks that each engine that replaced another is reported, and that no more than 100 iterations were made again. */
function assertReported({ events }: Result, failures: number): void {
  const warnings = events.filter(
    (event) => event.type === 'warning' && (event.code === 'engine-lost' || event.code === 'memory'),
  );
  assert.equal(warnings.length, failures);
  let iteration = 0;
  for (const event of events) {
    if (event.type === 'continued') {
      assert.ok(iteration - event.iteration <= 100, `from ${iteration} back to ${event.iteration}`);
      iteration = event.iteration;
    }
    if (event.type !== 'iteration') continue;
    assert.equal(event.iteration, iteration + 1);
    iteration = event.iteration;
  }
}

test('an engine that is lost at a random call, 50 times', { timeout: 120_000 }, async () => {
  const random = new MersenneTwister(17);
  const draw = (limit: number) => Math.floor(random.nextUniform() * limit);
  const kinds = ['lost', 'lost-throwing', 'memory', 'memory-read'] as const;
  for (let attempt = 0; attempt < 50; attempt++) {
    const depth = 1 + draw(4);
    const more = [{}, { onExplosion: 'retry' }, { average: 'ema' }][draw(3)] as Given<TrainingOptions>;
    const faults = Array.from({ length: 1 + draw(2) }, (): Fault => {
      const call = 1 + draw(attempt % 2 === 0 ? 1400 : 300);
      return { kind: kinds[draw(4)] as Fault['kind'], at: (calls) => calls === call };
    });
    const engines = losableEngines(faults, depth);
    const result = await run(engines.makeEngine, more);
    const label = JSON.stringify({ attempt, depth, more, kinds: faults.map(({ kind }) => kind) });
    await assert.doesNotReject(async () => assertSame(result, await wholeRun(more)), label);
    assertReported(result, engines.choices.length - 1);
    assert.equal(engines.open(), 0);
  }
});

test('each part of a run: the first call, a pass, an evaluation, a sample, a save, the copy itself', async () => {
  const parts = (): [string, Fault['at']][] => [
    ['first call', (call) => call === 1],
    ['first read', nth(1, 'read')],
    ['forward pass', nth(30, 'recurrentForward')],
    ['update', nth(70, 'update')],
    ['evaluation', nth(62, 'crossEntropy')],
    ['generation', nth(1, 'generate')],
    // The first save reads six tensors for its checkpoint, which is the copy, too.
    ...[26, 27, 29, 31].map((read): [string, Fault['at']] => [`read ${read}`, nth(read, 'read')]),
  ];
  for (const kind of ['lost', 'memory-read'] as const) {
    for (const [label, at] of parts()) {
      const engines = losableEngines([{ kind, at }]);
      const result = await run(engines.makeEngine);
      await assert.doesNotReject(async () => assertSame(result, await wholeRun()), label);
      assert.equal(engines.choices.length, 2, label);
      assertReported(result, 1);
    }
  }
});

test('an engine that is lost again and again, but gets further each time, is opened again', async () => {
  const engines = losableEngines(
    Array.from({ length: 20 }, (): Fault => ({ kind: 'lost', at: nth(35, 'update') })),
  );
  const result = await run(engines.makeEngine, { engine: 'wasm', checkpointEvery: '10' });
  assertSame(result, await wholeRun({ engine: 'wasm', checkpointEvery: '10' }));
  const places = result.events.flatMap((event) => (event.type === 'continued' ? [event.iteration] : []));
  assert.deepEqual(places, [30, 60, 90, 120]);
  assert.ok(engines.choices.every(({ engine }) => engine === 'wasm'));
});

test('an engine that is always lost: twice the same kind, then the CPU, then the end, with a checkpoint', async () => {
  const faults = Array.from(
    { length: 20 },
    (_, index): Fault => ({
      kind: 'lost',
      at: nth(index === 0 ? 95 : 3, 'update'),
    }),
  );
  const engines = losableEngines(faults);
  const { error, events, files } = await run(engines.makeEngine, { engine: 'wasm', checkpointEvery: '1000' });
  assert.ok(error instanceof EngineLostError, String(error));
  assert.deepEqual(
    engines.choices.map(({ engine }) => engine),
    ['wasm', 'wasm', 'wasm', 'auto'],
  );
  assert.equal(engines.open(), 0);
  assert.match(error.message, /The model of iteration 60 is saved\.\nTo continue from there: resume: "/);
  const checkpointed = events.filter(({ type }) => type === 'checkpointed');
  assert.equal(checkpointed.length, 1);
  const saved = openCheckpoint(files.get('last.safetensors') ?? new Uint8Array(), 'last');
  assert.equal(saved.training?.iteration, 60);
  // The checkpoint does not depend on the engine.
  const rest = await run(losableEngines([]).makeEngine, {}, { resume: saved });
  const whole = await wholeRun();
  assert.deepEqual(rest.finished?.checkpoint.parameters, whole.finished?.checkpoint.parameters);
});

test('in float16, a GPU that is lost for good: the run ends with a checkpoint, which the CPU continues in float32', async () => {
  const engines = losableEngines([{ kind: 'lost', at: nth(95, 'update') }]);
  let opened = 0;
  const gpu = webgpuKind(async () => {
    throw new UnsupportedError('there is no driver.');
  });
  const makeEngine = engineMaker(
    [
      {
        ...gpu,
        open: (options) =>
          opened++ ? gpu.open(options) : engines.makeEngine({ ...options, engine: 'webgpu' }),
      },
      REFERENCE_KIND,
    ],
    'here',
  );
  const more = { engine: 'webgpu', compute: 'float16', checkpointEvery: '1000' } as const;
  const { error, events, files, finished } = await run(makeEngine, more);
  assert.ok(error instanceof EngineLostError, String(error));
  const [path = ''] = files.keys();
  assert.deepEqual(error.message.split('\n'), [
    'the device is gone. No other engine could continue. The model of iteration 60 is saved.',
    `To continue from there: resume: "${path}"`,
    `To continue from there on the CPU: resume: "${path}", compute: "float32"`,
  ]);
  // Once, then twice in vain.
  assert.equal(opened, 3);
  assert.equal(engines.open(), 0);
  assert.equal(finished, undefined);
  assert.equal(events.filter(({ type }) => type === 'checkpointed').length, 1);
  const saved = openCheckpoint(files.get(path) ?? new Uint8Array(), path);
  assert.equal(saved.training?.iteration, 60);
  assert.equal(saved.training?.options.compute, 'float16');
  const rest = await run(
    engineMaker([gpu, REFERENCE_KIND], 'here'),
    { compute: 'float32' },
    { resume: saved },
  );
  assert.equal(rest.finished?.iteration, small.maxIterations);
});

test('engines that have too little memory for the model end the run with their error', async () => {
  const faults = Array.from({ length: 4 }, () => ({ kind: 'memory', at: nth(2, 'vector') }) as const);
  const { error, events } = await run(losableEngines(faults).makeEngine, {}, { hasStorage: false });
  assert.match(String(error), /^MemoryError: the device has no memory left$/);
  assert.equal(events.filter(({ type }) => type === 'warning').length, 3);
});

test('a consumer that leaves, or aborts, after the engine was lost: the copy is saved', async () => {
  const engines = losableEngines([{ kind: 'lost', at: nth(62, 'update') }]);
  const left = await run(engines.makeEngine, {}, { onEvent: ({ type }) => type === 'continued' });
  assert.equal(left.error, undefined);
  const saved = openCheckpoint(left.files.get('last.safetensors') ?? new Uint8Array(), 'last');
  assert.equal(saved.training?.iteration, 60);
  // Lost while the last checkpoint is saved.
  let hasLeft = false;
  const late = losableEngines([{ kind: 'lost', at: () => hasLeft }]);
  const leaving = await run(
    late.makeEngine,
    {},
    {
      onEvent: (event) => {
        hasLeft = event.type === 'iteration' && event.iteration === 110;
        return hasLeft;
      },
    },
  );
  assert.equal(leaving.error, undefined);
  const last = openCheckpoint(leaving.files.get('last.safetensors') ?? new Uint8Array(), 'last');
  assert.equal(last.training?.iteration, 100);
  assert.equal(late.open() + engines.open(), 0);
  const controller = new AbortController();
  const aborted = await run(
    losableEngines([{ kind: 'lost', at: () => controller.signal.aborted }]).makeEngine,
    {},
    {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === 'iteration' && event.iteration === 110) controller.abort();
        return false;
      },
    },
  );
  assert.equal(aborted.finished?.reason, 'interrupted');
  assert.equal(aborted.finished?.iteration, 100);
});

test('an engine that is lost, or has too little memory, while its speed is measured for a preset', async () => {
  const lost = { kind: 'lost', at: nth(2, 'update') } as const;
  const small = { kind: 'memory', at: nth(2, 'vector') } as const;
  for (const [fault, code] of [
    [lost, 'engine-lost'],
    [small, 'memory'],
  ] as const) {
    const engines = losableEngines([fault]);
    const { finished, events } = await run(engines.makeEngine, { preset: 'small', maxIterations: 2 });
    assert.equal(finished?.iteration, 2);
    assert.equal(events.filter((event) => event.type === 'warning' && event.code === code).length, 1);
    assert.equal(engines.open(), 0);
  }
});

test('without saves and evaluations, a copy begins every 50 iterations', async () => {
  const more = { checkpointEvery: undefined, evaluateEvery: 1000, maxIterations: 150 };
  for (const [update, place] of [
    [48, 0],
    [60, 50],
    [99, 50],
    [135, 100],
  ] as const) {
    const engines = losableEngines([{ kind: 'lost', at: nth(update, 'update') }], 3);
    const result = await run(engines.makeEngine, more);
    assertSame(result, await wholeRun(more));
    const places = result.events.flatMap((event) => (event.type === 'continued' ? [event.iteration] : []));
    assert.deepEqual(places, [place], `lost at iteration ${update}`);
  }
});

test('a worker of WebAssembly that is killed: the run goes on from a copy', async () => {
  let made = 0;
  /** Kills the driver of the first engine, and the other worker of the second, while they train. */
  const makeEngine: MakeEngine = async () => {
    const workers: KernelWorker[] = [];
    const makeWorker = () => {
      const worker = makeNodeWorker();
      workers.push(worker);
      return worker;
    };
    const engine = new CpuEngine((await wasmBackend({ makeWorker, threads: 2 })).backend);
    const victim = workers[made++];
    const isUpdate = nth(made === 1 ? 40 : 5, 'update');
    const killing = new Proxy<Engine>(engine, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (isUpdate(0, String(name))) void victim?.stop();
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    return { engine: killing, notice: undefined };
  };
  const size = { hiddenSize: 64, batchSize: 20, sequenceLength: 6, maxEpochs: 1000 };
  const result = await run(makeEngine, size);
  assert.equal(made, 3);
  const onThisThread: MakeEngine = async () => ({
    engine: new CpuEngine((await wasmBackend({ threads: 1 })).backend),
    notice: undefined,
  });
  assertSame(result, await run(onThisThread, size));
  assertReported(result, 2);
});
