/** Iterations in flight keep an engine with slow reads busy, and do not change the results. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrainingState } from '../../src/checkpoint/checkpoint.ts';
import { memoryStorage } from '../../src/checkpoint/storage/memory-storage.ts';
import { splitCorpus } from '../../src/data/batches/splits.ts';
import { buildCorpus } from '../../src/data/corpus.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { initialParameters } from '../../src/model/initial-parameters.ts';
import { Network } from '../../src/model/network.ts';
import { evaluateSplit } from '../../src/train/evaluation.ts';
import type { TrainingEvent } from '../../src/train/events.ts';
import { checkTrainingOptions, type TrainingOptions } from '../../src/train/options.ts';
import { trainOn } from '../../src/train/train.ts';
import type { Given } from '../../src/util/check-options.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { type SlowEngine, slowEngine } from './slow-engine.ts';

const text = 'the keeper of the harbour light walked along the wall in the rain. '.repeat(60);
const small = {
  hiddenSize: 4,
  layers: 1,
  batchSize: 2,
  sequenceLength: 5,
  precision: 'float32',
  maxIterations: 120,
  evaluateEvery: 1000,
  onExplosion: 'stop',
} as const;

interface Setting {
  readonly options?: Given<TrainingOptions>;
  readonly maxInFlight?: number;
  readonly onEvent?: (event: TrainingEvent) => void;
  readonly signal?: AbortSignal;
}

async function run(engine: SlowEngine, { options = {}, maxInFlight, onEvent, signal }: Setting = {}) {
  const all = checkTrainingOptions({ ...small, ...options });
  const corpus = await buildCorpus({ text, name: 'the text' }, all);
  const storage = memoryStorage();
  const events: TrainingEvent[] = [];
  for await (const event of trainOn(corpus, all, {
    makeEngine: engine.makeEngine,
    storage,
    maxInFlight,
    signal,
  })) {
    events.push(event);
    onEvent?.(event);
  }
  const last = events.at(-1);
  assert.ok(last?.type === 'finished' && last.checkpoint.training);
  return {
    events,
    checkpoint: last.checkpoint,
    training: last.checkpoint.training,
    finished: last,
    files: storage.files,
  };
}

/** The fraction of the time in which the engine is busy, in a run of 120 iterations of 2 ms. */
async function utilization(engine: SlowEngine, setting?: Setting): Promise<number> {
  let end = 0;
  await run(engine, {
    ...setting,
    onEvent: (event) => {
      if (event.type === 'iteration') end = engine.now();
    },
  });
  return (120 * 2) / end;
}

test('an engine whose reads take 5 ms is mostly idle at depth 1, and hardly ever at depth 4', async () => {
  const one = await utilization(slowEngine({ depth: 1 }));
  const four = await utilization(slowEngine({ depth: 4 }));
  assert.ok(one < 0.5, `depth 1: ${one}`);
  assert.ok(four > 0.9, `depth 4: ${four}`);
});

test('each iteration needs one read', async () => {
  for (const depth of [1, 4]) {
    const engine = slowEngine({ depth });
    const counts: number[] = [];
    const onEvent = (event: TrainingEvent) => {
      if (event.type === 'iteration') counts.push(engine.reads());
    };
    await run(engine, { onEvent });
    assert.ok((counts[100] as number) - (counts[0] as number) <= 100, `depth ${depth}`);
  }
});

test('an engine that can be lost is as busy, although the run copies its state', async () => {
  const engine = slowEngine({ depth: 4, canBeLost: true });
  const four = await utilization(engine);
  assert.ok(four > 0.9, `${four}`);
  // Steps, parameters, moment, carried state: at iterations 50 and 100, at the evaluation, before and after it.
  const safe = slowEngine({ depth: 4 });
  await run(safe);
  assert.equal(engine.reads() - safe.reads(), 2 * 4);
});

test('an evaluation needs one read per batch, while the engine computes the next batches', async () => {
  const engine = slowEngine({ depth: 4 });
  const made = await engine.makeEngine({ engine: 'auto', precision: 'float32' });
  const options = checkTrainingOptions({ ...small, trainFraction: 0.1, validationFraction: 0.9 });
  const corpus = await buildCorpus({ text, name: 'the text' }, options);
  const source = splitCorpus(corpus, options).validation;
  const config = {
    cell: 'lstm',
    layers: 1,
    hiddenSize: 4,
    vocabularySize: corpus.vocabulary.size,
  } as const;
  const network = new Network(made.engine, config, options, 'evaluation');
  const weights = made.engine.vector(network.layout);
  made.engine.write(weights, initialParameters(network.layout, new MersenneTwister(1), 'float32'));
  const evaluation = evaluateSplit(made.engine, network, weights, source);
  while (!(await evaluation.next()).done);
  assert.ok(source.count > 100);
  assert.equal(engine.reads(), source.count);
  const share = (source.count * 2) / engine.now();
  assert.ok(share > 0.9, `${share}`);
});

test('the results are the same with any number of iterations in flight, also after skips and explosions', async () => {
  for (const average of ['none', 'ema', 'triggered'] as const) await sameInFlight(average);
});

/** Checks that the results of a run with skips and explosions do not depend on the number of iterations in flight. */
async function sameInFlight(average: 'none' | 'ema' | 'triggered') {
  const options = {
    ...{ average, averageAfter: 1 },
    evaluateEvery: 30,
    onExplosion: 'retry',
    checkpointEvery: '17',
    learningRate: 30,
    retries: 20,
    maxIterations: 160,
  } as const;
  const results = [];
  for (const depth of [1, 2, 4, 7]) {
    const { training, checkpoint, events } = await run(slowEngine({ depth }), { options });
    const { runId: _, ...state } = training;
    const reported = events.flatMap((event): { type: string }[] => {
      if (event.type !== 'iteration')
        return event.type === 'evaluated' || event.type === 'restored' ? [event] : [];
      const { milliseconds: __, ...figures } = event;
      return [figures];
    });
    results.push({ state, parameters: checkpoint.parameters, reported });
  }
  const kinds = new Set(results[0]?.reported.map(({ type }) => type));
  assert.deepEqual([...kinds].sort(), ['evaluated', 'iteration', 'restored']);
  for (const other of results.slice(1)) assert.deepEqual(other, results[0]);
  assert.equal(results[0]?.state.average !== undefined, average !== 'none', average);
}

test('a checkpoint that a time asks for while iterations are in flight holds the state after a recorded iteration', async (t) => {
  let late = 0;
  const now = performance.now.bind(performance);
  t.mock.method(performance, 'now', () => now() + late);
  const onEvent = (event: TrainingEvent) => {
    if (event.type === 'iteration' && event.iteration === 20) late = 120_000;
  };
  const { events, files } = await run(slowEngine({ depth: 4 }), {
    options: { checkpointEvery: '1m' },
    onEvent,
  });
  const saved = events.find((event) => event.type === 'checkpointed');
  assert.ok(
    saved?.type === 'checkpointed' && saved.iteration > 20 && saved.iteration <= 24,
    `${saved?.iteration}`,
  );
  const maxIterations = saved.iteration;
  const { checkpoint } = await run(slowEngine({ depth: 4 }), { options: { maxIterations } });
  const { parameters, training } = openCheckpoint(files.get(saved.path) as Uint8Array, saved.path);
  const stateOf = ({ runId: _, options: __, stability: ___, ...state }: TrainingState) => state;
  assert.ok(training && checkpoint.training);
  assert.deepEqual([parameters, stateOf(training)], [checkpoint.parameters, stateOf(checkpoint.training)]);
});

test('on an abort, the iterations in flight are completed and saved', async () => {
  const controller = new AbortController();
  const { events, finished, training } = await run(slowEngine({ depth: 4 }), {
    signal: controller.signal,
    onEvent: (event) => {
      if (event.type === 'iteration' && event.iteration === 20) controller.abort();
    },
  });
  assert.equal(finished.reason, 'interrupted');
  const iterations = events.flatMap((event) => (event.type === 'iteration' ? [event.iteration] : []));
  assert.deepEqual(
    iterations,
    Array.from({ length: iterations.length }, (_, index) => index + 1),
  );
  assert.equal(training.iteration, iterations.length);
  assert.equal(training.optimizerSteps, iterations.length);
  assert.ok(iterations.length >= 20 && iterations.length <= 24, `${iterations.length}`);
});

test('with maxInFlight 1, the run waits for every iteration', async () => {
  assert.ok((await utilization(slowEngine({ depth: 4 }), { maxInFlight: 1 })) < 0.5);
});
