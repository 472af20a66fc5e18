/** Averages of the weights: what they are, what uses them, and that a resumed run goes on from the weights themselves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrainedCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { buildCorpus } from '../../src/data/corpus.ts';
import type { Engine, FloatArray, Update } from '../../src/engine/engine.ts';
import { parameterCount } from '../../src/engine/layout.ts';
import { makeEngine } from '../../src/engine/select.node.ts';
import { memoryStorage, type TrainInput, type TrainingEvent, train } from '../../src/index.ts';
import { layoutOf } from '../../src/model/config.ts';
import { estimateMemory } from '../../src/model/memory.ts';
import { sampleText } from '../../src/train/evaluation.ts';
import { checkTrainingOptions } from '../../src/train/options.ts';
import { partLoss } from '../../src/train/part-loss.ts';
import { requireTrainingState } from '../../src/train/start/resume.ts';
import { joinBytes } from '../../src/util/bytes.ts';

const text = 'the harbour wall stood in the rain, and the keeper walked along it. '.repeat(20);
const small = {
  ...{ text, hiddenSize: 8, layers: 2, batchSize: 3, sequenceLength: 7, seed: 5, dropout: 0.2 },
  ...{ optimizer: 'adam', learningRate: 0.02, evaluateEvery: 10, maxIterations: 30, maxEpochs: 50 },
} as const satisfies TrainInput;

/** Changes an update before it is made. */
type Change = (engine: Engine, call: Update, number: number) => Update;

async function run(input: TrainInput, change?: Change, until?: number) {
  const controller = new AbortController();
  const events: TrainingEvent[] = [];
  const storage = memoryStorage();
  const given = { ...input, signal: controller.signal, checkpointDir: storage };
  const makeChanged = change && changedEngine(change);
  for await (const event of train({ ...given, ...(makeChanged && { makeEngine: makeChanged }) })) {
    events.push(event);
    if (event.type === 'iteration' && event.iteration === until) controller.abort();
  }
  const last = events.at(-1);
  assert.ok(last?.type === 'finished');
  const checkpoint = requireTrainingState(last.checkpoint, 'it');
  const evaluated = events.flatMap((event) => (event.type === 'evaluated' ? [event] : []));
  return { events, evaluated, checkpoint, files: storage.files };
}

/** An engine that makes changed updates; they are counted from 1. */
function changedEngine(change: Change): NonNullable<TrainInput['makeEngine']> {
  return async (options) => {
    const made = await makeEngine(options);
    let number = 0;
    const engine = new Proxy(made.engine, {
      get(target, name) {
        if (name === 'update') return (call: Update) => target.update(change(target, call, ++number));
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    return { ...made, engine };
  };
}

const decoded = (checkpoint: TrainedCheckpoint) =>
  requireTrainingState(decodeCheckpoint(joinBytes([...encodeCheckpoint(checkpoint)]), 'it'), 'it');

function comparable({ parameters, training }: TrainedCheckpoint) {
  const { runId: _, options: __, ...state } = training;
  return { parameters, state };
}

/** The weights after each iteration of a run without an average, from 0. */
async function trajectory(input: TrainInput, first: number, last: number): Promise<FloatArray[]> {
  const all: FloatArray[] = [];
  for (let until = first; until <= last; until++)
    all.push((await run({ ...input, maxIterations: until })).checkpoint.parameters);
  return all;
}

/** The plain loop: an average whose new weights count at least `minWeight`. */
function averageOf(all: readonly FloatArray[], minWeight: number): Float64Array {
  const average = new Float64Array(all[0]?.length ?? 0);
  for (const [index, weights] of all.entries()) {
    const weight = Math.max(minWeight, 1 / (index + 1));
    weights.forEach((value, at) => {
      average[at] = (1 - weight) * (average[at] as number) + weight * value;
    });
  }
  return average;
}

function assertClose(actual: FloatArray, expected: Float64Array): void {
  const distance = Math.max(...Array.from(actual, (value, at) => Math.abs(value - (expected[at] ?? 0))));
  assert.ok(distance < 1e-6, `${distance}`);
}

test('ema: the plain mean at first, later a moving average; the weights themselves do not change', async () => {
  const weights = await trajectory(small, 1, 9);
  for (const until of [1, 3, 9]) {
    const input = { ...small, average: 'ema', averageDecay: 0.8, maxIterations: until } as const;
    const { parameters, training } = (await run(input)).checkpoint;
    assert.equal(training.average?.since, 0);
    assert.deepEqual(training.average.weights, weights[until - 1]);
    assertClose(parameters, averageOf(weights.slice(0, until), 0.2));
    if (until > 1) assert.notDeepEqual(parameters, training.average.weights);
  }
});

/** With this learning rate, the second evaluation is worse than the first. */
const rising = { ...small, learningRate: 1, evaluateEvery: 4, dropout: 0, onExplosion: 'stop' } as const;

test('triggered: the plain mean of the weights since the evaluation that ran out of patience', async () => {
  const triggered = { ...rising, average: 'triggered', averageAfter: 1, maxIterations: 14 } as const;
  const { evaluated, events, checkpoint } = await run(triggered);
  const since = evaluated.find(({ best }) => !best)?.iteration as number;
  assert.ok(since < 12, `${since}`);
  assert.equal(checkpoint.training.average?.since, since);
  assertClose(checkpoint.parameters, averageOf(await trajectory(rising, since + 1, 14), 0));
  const notices = events.filter(
    (event) => event.type === 'notice' && /averages the weights/.test(event.message),
  );
  assert.equal(notices.length, 1);
  const patient = await run({ ...triggered, averageAfter: 10 });
  assert.equal(patient.checkpoint.training.average, undefined);
});

test('evaluation, sample, best and the file use the average', async (context) => {
  const { evaluated, events, files } = await run({ ...small, average: 'ema', averageDecay: 0.9 });
  const plain = await run(small);
  const { engine } = await makeEngine({ precision: 'float32', engine: 'auto' });
  context.after(() => engine.close());
  const corpus = await buildCorpus({ text, name: 'the text' }, checkTrainingOptions({}));
  const samples = events.flatMap((event) => (event.type === 'sampled' ? [event.text] : []));
  assert.equal(evaluated.length, 3);
  for (const [index, { iteration, validationLoss }] of evaluated.entries()) {
    const file = [...files].find(([name]) => name.includes(validationLoss.toFixed(4)));
    assert.ok(file, `${iteration}`);
    const checkpoint = requireTrainingState(decodeCheckpoint(file[1], 'it'), 'it');
    assert.equal(checkpoint.training.iteration, iteration);
    const { nats, characters } = await partLoss({
      engine,
      checkpoint,
      name: 'it',
      corpus,
      part: 'validation',
    });
    assert.ok(Math.abs(nats / characters - validationLoss) < 1e-12);
    assert.notEqual(validationLoss, plain.evaluated[index]?.validationLoss);
    const weights = engine.vector(layoutOf(checkpoint.config));
    engine.write(weights, checkpoint.parameters);
    assert.equal(await sampleText(engine, weights, corpus.vocabulary, small.seed), samples[index]);
  }
  const best = Math.min(...evaluated.map(({ validationLoss }) => validationLoss));
  const named = files.get('best.safetensors');
  assert.ok(named);
  assert.equal(decodeCheckpoint(named, 'it').training?.validationLosses.values.at(-1), best);
});

for (const average of ['ema', 'triggered'] as const) {
  test(`${average}: a run that is interrupted anywhere and resumed has the bits of the unbroken one`, async () => {
    const input = { ...rising, average, averageAfter: 1, maxIterations: 17 } as const;
    const whole = await run({ ...input, threads: 2 });
    for (const cut of [3, 8, 12, 13]) {
      const first = await run({ ...input, maxIterations: cut, threads: 1 });
      const second = await run({
        text,
        resume: decoded(first.checkpoint),
        maxIterations: 17,
        engine: 'wasm',
      });
      assert.deepEqual(comparable(second.checkpoint), comparable(whole.checkpoint), `cut at ${cut}`);
    }
  });

  test(`${average}: a run that is interrupted in an evaluation evaluates again, and has the same bits`, async () => {
    const input = { ...rising, average, averageAfter: 1, maxIterations: 17 } as const;
    const whole = await run(input);
    for (const at of [8, 12]) {
      const controller = new AbortController();
      let checkpoint: TrainedCheckpoint | undefined;
      let evaluations = 0;
      for await (const event of train({ ...input, signal: controller.signal })) {
        if (event.type === 'evaluated') evaluations++;
        if (event.type === 'evaluating' && evaluations === at / 4 - 1) controller.abort();
        if (event.type === 'finished') checkpoint = requireTrainingState(event.checkpoint, 'it');
      }
      assert.ok(checkpoint);
      assert.equal(checkpoint.training.iteration, at);
      assert.notEqual(checkpoint.training.validationLosses.iterations.at(-1), at);
      const rest = await run({ text, resume: decoded(checkpoint) });
      assert.deepEqual(comparable(rest.checkpoint), comparable(whole.checkpoint));
    }
  });
}

test('an iteration without an update adds the same weights to the average once more', async () => {
  const input = { ...small, dropout: 0, average: 'ema', averageDecay: 0.9, maxIterations: 6 } as const;
  const skipAt =
    (skipped: number): Change =>
    (engine, call, number) => {
      if (number === skipped) engine.fill(call.gradient, Number.POSITIVE_INFINITY);
      return call;
    };
  const weights: FloatArray[] = [];
  for (let until = 1; until <= 6; until++)
    weights.push(
      (await run({ ...small, dropout: 0, maxIterations: until }, skipAt(3))).checkpoint.parameters,
    );
  assert.deepEqual(weights[2], weights[1]);
  const { checkpoint, events } = await run(input, skipAt(3));
  assert.equal(events.filter(({ type }) => type === 'skipped').length, 1);
  assertClose(checkpoint.parameters, averageOf(weights, 0.1));
  // Without any update, the average begins with the initial weights.
  const none = await run({ ...input, maxIterations: 1 }, skipAt(1));
  assert.deepEqual(none.checkpoint.parameters, none.checkpoint.training.average?.weights);
});

test('weights that explode just before an evaluation are not a good state, however good their average is', async () => {
  const leap: Change = (_, call, number) => (number === 10 ? { ...call, learningRate: 1e4 } : call);
  const { events, evaluated, checkpoint } = await run(
    { ...small, average: 'ema', averageDecay: 0.999999, maxIterations: 25 },
    leap,
  );
  const restored = events.flatMap((event) => (event.type === 'restored' ? [event] : []));
  assert.deepEqual(
    restored.map(({ iteration, retry }) => [iteration, retry]),
    [[0, 1]],
  );
  assert.equal(evaluated.at(-1)?.iteration, 20);
  assert.ok([...checkpoint.parameters].every(Number.isFinite));
});

test('resumed with another kind of average, the run goes on from the weights, and the average begins there', async () => {
  const plain = await run(small);
  const averaged = await run({ ...small, average: 'ema', maxIterations: 15 });
  const from = { text, resume: decoded(averaged.checkpoint), maxIterations: 30 } as const;
  const none = await run({ ...from, average: 'none' });
  assert.deepEqual(none.checkpoint.parameters, plain.checkpoint.parameters);
  assert.equal(none.checkpoint.training.average, undefined);
  assert.equal(none.checkpoint.training.stability?.good?.average, undefined);
  const triggered = await run({ ...from, average: 'triggered' });
  assert.deepEqual(triggered.checkpoint.parameters, plain.checkpoint.parameters);

  const half = await run({ ...small, maxIterations: 15 });
  const begun = await run({ text, resume: decoded(half.checkpoint), maxIterations: 30, average: 'ema' });
  assert.equal(begun.checkpoint.training.average?.since, 15);
  assert.deepEqual(begun.checkpoint.training.average.weights, plain.checkpoint.parameters);
  assertClose(begun.checkpoint.parameters, averageOf(await trajectory(small, 16, 30), 0.001));
});

test('a run that starts from a model with an average starts from the average', async () => {
  const { checkpoint } = await run({ ...small, average: 'ema' });
  const still = { ...small, initFrom: decoded(checkpoint), learningRate: 1e-30, maxIterations: 1 } as const;
  assert.deepEqual((await run(still)).checkpoint.parameters, checkpoint.parameters);
});

test('early stopping must have more patience than the trigger', async () => {
  const input = { ...small, average: 'triggered', averageAfter: 3 } as const;
  await assert.rejects(run({ ...input, earlyStop: 3 }), /averageAfter.*less than `earlyStop` \(3\)/);
  await run({ ...input, earlyStop: 4, maxIterations: 1 });
  await run({ ...input, average: 'ema', earlyStop: 3, maxIterations: 1 });
});

test('early stopping counts the losses of the average', async () => {
  const { evaluated, events } = await run({ ...rising, average: 'ema', earlyStop: 2, maxIterations: 400 });
  const last = events.at(-1);
  assert.ok(last?.type === 'finished' && last.reason === 'no-better', 'it stops early');
  assert.deepEqual(
    evaluated.slice(-3).map(({ best }) => best),
    [true, false, false],
  );
});

test('a tampered file: an average that the options do not have', async () => {
  const { checkpoint } = await run({ ...small, average: 'ema', maxIterations: 3 });
  const { training } = checkpoint;
  const resume = {
    ...checkpoint,
    training: { ...training, options: { ...training.options, average: 'none' } },
  };
  await assert.rejects(run({ text, resume }), { code: 'checkpoint-malformed', message: /average/ });
});

test('the memory of an average: one vector, and one in each copy of the state', () => {
  const config = { cell: 'lstm', layers: 1, hiddenSize: 16, vocabularySize: 30 } as const;
  const parameters = parameterCount(layoutOf(config));
  const needs = { precision: 'float32', batchSize: 2, sequenceLength: 3, moments: 2 } as const;
  for (const copies of [{}, { saves: true }, { saves: true, retries: true }]) {
    const bytes = (averages: boolean) => estimateMemory(config, { ...needs, ...copies, averages });
    assert.equal(bytes(true) - bytes(false), parameters * 4 * (1 + Object.keys(copies).length));
  }
});
