/** Explosions: skipped updates, going back with half the learning rate, giving up; with the same results if the run is resumed in between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TrainedCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { buildCorpus } from '../../src/data/corpus.ts';
import { type Engine, UPDATE_REPORT, type Update } from '../../src/engine/engine.ts';
import { makeEngine } from '../../src/engine/select.node.ts';
import type { MakeEngine } from '../../src/engine/select.ts';
import { type Checkpoint, DivergenceError, memoryStorage, type TrainingEvent } from '../../src/index.ts';
import { checkTrainingOptions, type TrainingOptions } from '../../src/train/options.ts';
import { isGood, judge } from '../../src/train/recovery/divergence.ts';
import { requireTrainingState, resumedOptions } from '../../src/train/start/resume.ts';
import { trainOn } from '../../src/train/train.ts';
import { joinBytes } from '../../src/util/bytes.ts';
import type { Given } from '../../src/util/check-options.ts';

const text = 'the harbour wall stood in the rain, and the keeper walked along it. '.repeat(40);
const RATE = 0.01;
const small = {
  hiddenSize: 8,
  layers: 2,
  batchSize: 4,
  sequenceLength: 10,
  dropout: 0.2,
  optimizer: 'adam',
  learningRate: RATE,
  evaluateEvery: 25,
  maxIterations: 160,
} as const;

/**
 * Damages an update before it is made, like an unsuitable text or learning rate would.
 *
 * @param step The number of the update, which is the same in a resumed run.
 */
type Damage = (engine: Engine, call: Update, step: number) => Update;

/** Makes an update of enormous size at a step, unless the learning rate was lowered. */
const leapAt =
  (step: number, rate = RATE): Damage =>
  (_, call, at) =>
    at === step && call.learningRate >= rate ? { ...call, learningRate: 1e4 } : call;

/** Makes the loss or the gradient of a step not finite, if `isActive` returns true. */
const notFiniteAt =
  (step: number, what: 'loss' | 'gradient', isActive: (call: Update) => boolean): Damage =>
  (engine, call, at) => {
    if (at === step && isActive(call)) {
      if (what === 'loss' && call.loss) engine.write(call.loss, [Number.NaN]);
      else engine.fill(call.gradient, Number.POSITIVE_INFINITY);
    }
    return call;
  };

function damaged(damage: Damage): MakeEngine {
  return async (options) => {
    const { engine, notice } = await makeEngine(options);
    // The number of updates made: the number that the run writes when it starts or goes back, plus those applied since.
    let made = 0;
    const proxy = new Proxy(engine, {
      get(target, name) {
        if (name === 'write') {
          return (...[to, values, offset]: Parameters<Engine['write']>) => {
            if (to.kind === 'tensor' && to.type === 'int' && values.length === 1) made = values[0] as number;
            target.write(to, values, offset);
          };
        }
        if (name === 'update') {
          return (call: Update) => {
            target.update(damage(target, call, made + 1));
            void target.read(call.report).then((report) => {
              made += report[UPDATE_REPORT.applied] as number;
            });
          };
        }
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    return { engine: proxy, notice };
  };
}

async function run(damage: Damage, changes: Given<TrainingOptions> = {}, initial?: TrainedCheckpoint) {
  const options = initial
    ? resumedOptions(changes, initial, 'the checkpoint').options
    : checkTrainingOptions({ ...small, ...changes });
  const corpus = await buildCorpus({ text, name: 'the text' }, options);
  const storage = memoryStorage();
  const events: TrainingEvent[] = [];
  let error: unknown;
  try {
    const settings = { storage, makeEngine: damaged(damage) };
    const all = trainOn(corpus, options, settings, { initial, resumes: initial !== undefined });
    for await (const event of all) events.push(event);
  } catch (thrown) {
    error = thrown;
  }
  const last = events.at(-1);
  return {
    events,
    error,
    files: storage.files,
    checkpoint: last?.type === 'finished' ? requireTrainingState(last.checkpoint, 'it') : undefined,
    restored: events.flatMap((event) => (event.type === 'restored' ? [event] : [])),
    skipped: events.flatMap((event) => (event.type === 'skipped' ? [event] : [])),
  };
}

const decoded = (bytes: Uint8Array) => requireTrainingState(decodeCheckpoint(bytes, 'it'), 'it');

function comparable({ parameters, training }: Checkpoint) {
  const { runId: _, options: __, ...state } = training as NonNullable<typeof training>;
  return { parameters, state };
}

test('the run goes back to the last good state with half the learning rate, and discards the losses since then', async () => {
  const { restored, checkpoint, events } = await run(leapAt(130));
  assert.equal(restored.length, 1);
  const [event] = restored;
  assert.equal(event?.iteration, 125, 'the evaluation at iteration 125 found a good state');
  assert.equal(event?.learningRate, RATE / 2);
  assert.deepEqual([event?.retry, event?.retries], [1, 5]);
  assert.match(
    event?.reason ?? '',
    /iteration 131: the loss is [\d.]+, more than 3 times the first \(3\.\d+\)/,
  );
  assert.ok(checkpoint);
  const { iterations } = checkpoint.training.trainLosses;
  assert.deepEqual(
    [...iterations],
    [...Array(160).keys()].map((index) => index + 1),
  );
  const rates = events.flatMap((one) => (one.type === 'iteration' ? [one.learningRate] : []));
  assert.deepEqual([rates.length, rates[130], rates[131]], [166, RATE, RATE / 2]);
  const limit = Math.hypot(...checkpoint.parameters) * 2;
  assert.ok(limit < 1000);
});

test('without validation data, the state after every hundredth iteration is kept if the next loss is good', async () => {
  const { restored } = await run(leapAt(130), { trainFraction: 1, validationFraction: 0 });
  assert.deepEqual(
    restored.map(({ iteration }) => iteration),
    [100],
  );
  const atOnce = await run(leapAt(100), { trainFraction: 1, validationFraction: 0 });
  assert.deepEqual(
    atOnce.restored.map(({ iteration }) => iteration),
    [0],
    'the state after iteration 100 is not good',
  );
});

test('a state whose loss has risen far is not good', () => {
  assert.ok(isGood(3, undefined, undefined));
  assert.ok(!isGood(Number.NaN, undefined, undefined));
  assert.ok(isGood(2.3, 4, 1.4));
  assert.ok(!isGood(2.5, 4, 1.4));
});

for (const what of ['loss', 'gradient'] as const) {
  test(`if the ${what} is not finite once, the update is skipped without a trace`, async () => {
    let times = 0;
    const { skipped, restored, checkpoint, events } = await run(notFiniteAt(40, what, () => times++ === 0));
    assert.deepEqual(skipped, [{ type: 'skipped', iteration: 40, cause: what, consecutive: 1, limit: 5 }]);
    assert.equal(restored.length, 0);
    assert.equal(checkpoint?.training.optimizerSteps, 159);
    const losses = events.flatMap((event) => (event.type === 'iteration' ? [event.trainLoss] : []));
    assert.equal(losses.filter(Number.isFinite).length, what === 'loss' ? 159 : 160);
    assert.ok(checkpoint?.training.trainLosses.values.every(Number.isFinite));
  });
}

test('after five skips in a row, the run goes back', async () => {
  const { skipped, restored } = await run(notFiniteAt(140, 'gradient', (call) => call.learningRate === RATE));
  assert.deepEqual(
    skipped.map(({ consecutive }) => consecutive),
    [1, 2, 3, 4],
  );
  assert.deepEqual(
    restored.map(({ iteration, reason }) => [iteration, reason]),
    [[125, 'iteration 144: the gradient is not finite, 5 times in a row']],
  );
});

/** The cuts are before, within and after the trouble, some of them at an evaluation. */
for (const [what, damage, cuts] of [
  ['a leap', leapAt(130), [50, 126, 130, 140]],
  [
    'two leaps',
    (engine, call, step) => leapAt(150, RATE / 2)(engine, leapAt(130)(engine, call, step), step),
    [127, 150, 155],
  ],
  [
    'losses that are not finite',
    notFiniteAt(140, 'loss', (call) => call.learningRate === RATE),
    [139, 141, 150],
  ],
] as [string, Damage, number[]][]) {
  test(`${what}: a run that is interrupted and resumed has the same bits as an uninterrupted one`, async () => {
    const whole = await run(damage);
    assert.ok(whole.checkpoint && whole.restored.length > 0);
    for (const cut of cuts) {
      const part = await run(damage, { maxIterations: cut });
      assert.equal(part.error, undefined);
      assert.ok(part.checkpoint);
      const from = decoded(joinBytes([...encodeCheckpoint(part.checkpoint)]));
      const rest = await run(damage, { maxIterations: 160 }, from);
      assert.ok(rest.checkpoint, String(rest.error));
      assert.deepEqual(comparable(rest.checkpoint), comparable(whole.checkpoint), `cut at ${cut}`);
    }
  });
}

test('with any trouble and any interruptions, a run has the same bits as an uninterrupted one', async () => {
  const step = fc.integer({ min: 1, max: 158 });
  const trouble = fc.record({ step, what: fc.constantFrom('leap', 'loss', 'gradient'), retry: fc.nat(2) });
  const property = fc.asyncProperty(
    fc.array(trouble, { minLength: 1, maxLength: 3 }),
    fc.array(step, { minLength: 1, maxLength: 3 }),
    fc.integer({ min: 5, max: 70 }),
    fc.boolean(),
    fc.constantFrom('none', 'ema', 'triggered'),
    async (troubles, cuts, evaluateEvery, isHeldOut, average) => {
      const damage: Damage = (engine, call, step) =>
        troubles.reduce((changed, { step: at, what, retry }) => {
          // The trouble ends after the learning rate has been halved `retry` + 1 times.
          const rate = RATE / 2 ** retry;
          if (what === 'leap') return leapAt(at, rate)(engine, changed, step);
          return notFiniteAt(at, what, ({ learningRate }) => learningRate >= rate)(engine, changed, step);
        }, call);
      const averaged = { evaluateEvery, average, averageAfter: 1 };
      const changes = isHeldOut ? averaged : { ...averaged, trainFraction: 1, validationFraction: 0 };
      const whole = await run(damage, changes);
      let from: TrainedCheckpoint | undefined;
      for (const cut of [...cuts.sort((a, b) => a - b), 160]) {
        if (from && from.training.iteration >= cut) continue;
        const options = from ? { maxIterations: cut } : { ...changes, maxIterations: cut };
        const part: Awaited<ReturnType<typeof run>> = await run(damage, options, from);
        if (part.error) return assert.equal(String(part.error), String(whole.error));
        assert.ok(part.checkpoint);
        from = decoded(joinBytes([...encodeCheckpoint(part.checkpoint)]));
      }
      assert.ok(from && whole.checkpoint, String(whole.error));
      assert.deepEqual(comparable(from), comparable(whole.checkpoint));
    },
  );
  await fc.assert(property, { numRuns: Number(process.env.CHAR_RNN_RUNS ?? 6) });
});

test('if the loss is not finite at the end, the last good state is saved instead', async () => {
  const { files, checkpoint } = await run(
    notFiniteAt(140, 'loss', () => true),
    {
      maxIterations: 142,
      checkpointEvery: '1',
    },
  );
  assert.equal(checkpoint?.training.iteration, 125);
  const last = [...files].find(([name]) => name.startsWith('lm_lstm_epoch1.95_'));
  assert.deepEqual(last && decoded(last[1]).parameters, checkpoint?.parameters);
  assert.ok(![...files.keys()].some((name) => /_i14[0-2]\./.test(name)), [...files.keys()].join(' '));
});

test('a run that goes back and is interrupted at an iteration that it saved before saves it again', async () => {
  const options = checkTrainingOptions(small);
  const corpus = await buildCorpus({ text, name: 'the text' }, options);
  const storage = memoryStorage();
  const controller = new AbortController();
  const { signal } = controller;
  const events: TrainingEvent[] = [];
  // The update of iteration 125 is enormous. Its state is evaluated and saved; only the next loss reveals the explosion.
  for await (const event of trainOn(corpus, options, {
    storage,
    signal,
    makeEngine: damaged(leapAt(125)),
  })) {
    events.push(event);
    const last = events.findLast((one) => one.type === 'iteration')?.iteration;
    const hasGoneBack = events.some(({ type }) => type === 'restored');
    if (hasGoneBack && last === 124 && event.type === 'evaluating') controller.abort();
  }
  assert.ok(events.some((event) => event.type === 'checkpointed' && event.iteration === 125));
  const finished = events.at(-1);
  assert.ok(finished?.type === 'finished' && finished.reason === 'interrupted' && finished.path);
  assert.equal(finished.iteration, 125);
  const saved = decoded(storage.files.get(finished.path) as Uint8Array);
  assert.deepEqual(saved.parameters, finished.checkpoint.parameters);
});

test('if retries do not help, the run ends with an error and remedies, and saves the last good state', async () => {
  const { error, restored, files } = await run(
    (_, call, step) => (step > 110 ? { ...call, learningRate: 1e4 } : call),
    { retries: 2, trainFraction: 1, validationFraction: 0 },
  );
  assert.ok(error instanceof DivergenceError);
  assert.equal(error.code, 'loss-exploded');
  assert.match(
    error.problem,
    /iteration \d+: the loss.*2 retries with smaller learning rates did not help; training stopped.*The model of iteration 100 is kept\.$/,
  );
  assert.deepEqual(
    error.remedies.map(({ set }) => set),
    [{ learningRate: 0.00125 }, { learningRate: 0.00125, meanNormClip: 1, gradientNormClip: undefined }],
    'half the learning rate of the last retry',
  );
  assert.deepEqual(
    restored.map(({ learningRate }) => learningRate),
    [RATE / 2, RATE / 4],
  );
  assert.ok(
    [...files.keys()].some((name) => name.endsWith('_i100.safetensors')),
    [...files.keys()].join(' '),
  );
});

test('with onExplosion stop, the first explosion ends the run, and the state is not saved', async () => {
  for (const damage of [
    leapAt(30),
    notFiniteAt(30, 'loss', () => true),
    notFiniteAt(30, 'gradient', () => true),
  ]) {
    const { error, files, events } = await run(damage, { onExplosion: 'stop' });
    assert.ok(error instanceof DivergenceError);
    assert.match(error.problem, /training stopped\.$/);
    assert.equal(error.remedies[0]?.set?.learningRate, Math.min(RATE / 2, 0.002));
    const written = [...files.keys()].filter((name) => name.startsWith('lm_'));
    assert.equal(written.length, 1, 'only the checkpoint of the evaluation at iteration 25');
    assert.equal(events.at(-1)?.type, 'iteration');
  }
});

test('which iterations are judged as explosions', () => {
  const fine = { iteration: 5, trainLoss: 4, updated: true, parameterNorm: 9 };
  assert.equal(judge(fine, 4, 0, 5), undefined);
  assert.equal(judge({ ...fine, trainLoss: 11.9 }, 4, 0, 5), undefined);
  assert.equal(judge({ ...fine, trainLoss: 12.1 }, 4, 0, 5)?.kind, 'explosion');
  assert.equal(judge({ ...fine, parameterNorm: Number.POSITIVE_INFINITY }, 4, 0, 5)?.kind, 'explosion');
  const lost = { ...fine, trainLoss: Number.NaN, updated: false };
  assert.deepEqual(judge(lost, undefined, 4, 5), { kind: 'skip', cause: 'loss', consecutive: 4 });
  assert.equal(judge(lost, undefined, 5, 5)?.kind, 'explosion');
  assert.equal(judge(lost, 4, 1, 1)?.kind, 'explosion');
});
