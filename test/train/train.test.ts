import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildCorpus } from '../../src/data/corpus.ts';
import {
  CheckpointError,
  type CheckpointStorage,
  EVENTS_VERSION,
  LanguageModel,
  type LanguageModel as Model,
  memoryStorage,
  type TrainInput,
  type TrainingEvent,
  train,
} from '../../src/index.ts';
import { layoutOf } from '../../src/model/config.ts';
import { initialParameters } from '../../src/model/initial-parameters.ts';
import { checkTrainingOptions, type TrainingOptions } from '../../src/train/options.ts';
import { SaveSchedule } from '../../src/train/saving/checkpoint-policy.ts';
import { startingOptions } from '../../src/train/start/start-from.ts';
import { trainOn } from '../../src/train/train.ts';
import type { Given } from '../../src/util/check-options.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { temporaryFolder, workIn } from '../temporary-folder.ts';

const text = 'the harbour wall stood in the rain, and the keeper walked along it. '.repeat(40);
const small = {
  text,
  hiddenSize: 12,
  layers: 2,
  batchSize: 4,
  sequenceLength: 10,
  maxIterations: 12,
} as const;

async function events(input: TrainInput): Promise<TrainingEvent[]> {
  const all: TrainingEvent[] = [];
  for await (const event of train(input)) all.push(event);
  return all;
}

/** The names of the checkpoints in a folder, without `best` and `last`, which point to some of them. */
function checkpointsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('lm_'))
    .sort();
}

type OfType<T extends TrainingEvent['type']> = Extract<TrainingEvent, { type: T }>;
function ofType<T extends TrainingEvent['type']>(all: readonly TrainingEvent[], type: T): OfType<T>[] {
  return all.filter((event): event is OfType<T> => event.type === type);
}

function finished(all: readonly TrainingEvent[]): OfType<'finished'> {
  const last = all.at(-1);
  assert.ok(last?.type === 'finished');
  return last;
}

test('the events of a run: started, iterations, evaluations with a sample, finished', async () => {
  const all = await events({ ...small, evaluateEvery: 5, learningRate: 0.01 });
  const [started] = ofType(all, 'started');
  assert.ok(started);
  assert.equal(started.batches.train, 64);
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.deepEqual(
    [started.formatVersion, started.programVersion, started.host],
    [EVENTS_VERSION, version, hostname()],
  );
  assert.equal(started.iterations, 12);
  const iterations = ofType(all, 'iteration');
  assert.deepEqual(
    iterations.map(({ iteration }) => iteration),
    [...Array(12).keys()].map((index) => index + 1),
  );
  assert.deepEqual(
    ofType(all, 'evaluated').map(({ iteration }) => iteration),
    [5, 10],
  );
  assert.deepEqual(
    ofType(all, 'sampled').map(({ text: sample }) => [...sample].length),
    [120, 120],
  );
  assert.equal(finished(all).reason, 'iterations');
  assert.ok((iterations.at(-1)?.trainLoss ?? 9) < (iterations[0]?.trainLoss ?? 0) - 0.1, 'the loss falls');
});

test('evaluations do not affect training', async () => {
  const often = finished(await events({ ...small, evaluateEvery: 2 }));
  const never = finished(await events(small));
  assert.deepEqual(often.checkpoint.parameters, never.checkpoint.parameters);
  assert.deepEqual(often.checkpoint.training?.carriedState, never.checkpoint.training?.carriedState);
});

test('the same seed gives the same losses, another seed gives others', async () => {
  const losses = async (seed: number) =>
    ofType(await events({ ...small, dropout: 0.2, seed }), 'iteration').map(({ trainLoss }) => trainLoss);
  const one = await losses(1);
  assert.deepEqual(await losses(1), one);
  assert.notDeepEqual(await losses(2), one);
});

test('earlyStop ends a run whose validation loss no longer falls', async () => {
  const options = { ...small, maxIterations: 4000, evaluateEvery: 20, learningRate: 0.02, earlyStop: 3 };
  const all = await events(options);
  const losses = ofType(all, 'evaluated').map(({ validationLoss }) => validationLoss);
  const lowest = losses.indexOf(Math.min(...losses));
  assert.equal(losses.length - 1 - lowest, 3, losses.join(' '));
  assert.equal(finished(all).reason, 'no-better');
  assert.match(JSON.stringify(ofType(all, 'notice')), /3 evaluations in a row/);
});

test('checkpointEvery saves between evaluations; the newest two without a loss are kept', async (context) => {
  const folder = temporaryFolder(context);
  const all = await events({
    ...small,
    checkpointDir: folder,
    checkpointEvery: '3',
    evaluateEvery: 7,
    maxIterations: 14,
  });
  const saved = ofType(all, 'checkpointed').map(({ iteration }) => iteration);
  assert.deepEqual(saved, [3, 6, 7, 9, 12, 14]);
  const names = checkpointsIn(folder);
  assert.deepEqual(
    names.filter((name) => /_i\d+\./.test(name)).map((name) => /_i(\d+)/.exec(name)?.[1]),
    ['9', '12'],
  );
  assert.equal(names.length, 4);
  assert.throws(() => checkTrainingOptions({ checkpointEvery: 'soon' }), { option: 'checkpointEvery' });
});

test('gradientNormClip bounds the norm of the gradient', async () => {
  const free = ofType(await events(small), 'iteration').map(({ gradientNorm }) => gradientNorm);
  const bound = (free[0] as number) / 3;
  const clipped = ofType(await events({ ...small, gradientNormClip: bound }), 'iteration');
  assert.ok(clipped.every(({ gradientNorm }) => gradientNorm <= bound * 1.0001));
  assert.ok(Math.abs((clipped[0]?.gradientNorm ?? 0) - bound) < 1e-4 * bound);
});

test('a run that reaches maxEpochs ends with an evaluation, as completed', async () => {
  const { maxIterations: _, ...rest } = small;
  const all = await events({ ...rest, maxEpochs: 0.1 });
  assert.equal(finished(all).reason, 'completed');
  assert.deepEqual(
    ofType(all, 'evaluated').map(({ iteration }) => iteration),
    [6],
  );
});

/** The options and the corpus of a run, for `trainOn`. */
async function prepared({ text: given, ...rest }: typeof small & Given<TrainingOptions>) {
  const { options } = startingOptions(rest, undefined);
  return { options, corpus: await buildCorpus({ text: given, name: 'x' }, options) };
}

test("checkpoints are saved at evaluations and at the end, under the original's names", async () => {
  const storage = memoryStorage();
  const { options, corpus } = await prepared({ ...small, evaluateEvery: 10 });
  const all: TrainingEvent[] = [];
  for await (const event of trainOn(corpus, options, { storage })) all.push(event);
  const loss = ofType(all, 'evaluated')[0]?.validationLoss.toFixed(4);
  assert.deepEqual(
    [...storage.files.keys()].filter((name) => name.startsWith('lm_')),
    [`lm_lstm_epoch0.16_${loss}.safetensors`, 'lm_lstm_epoch0.19_i12.safetensors'],
  );
  const bytes = storage.files.get('lm_lstm_epoch0.19_i12.safetensors');
  assert.ok(bytes);
  const model = LanguageModel.fromBytes(bytes);
  assert.deepEqual(model.checkpoint.parameters, finished(all).checkpoint.parameters);
});

test('an AbortSignal ends the run after the current iteration, and the progress is saved', async (context) => {
  const folder = temporaryFolder(context);
  const controller = new AbortController();
  const all: TrainingEvent[] = [];
  for await (const event of train({ ...small, checkpointDir: folder, signal: controller.signal })) {
    all.push(event);
    if (event.type === 'iteration' && event.iteration === 4) controller.abort();
  }
  const last = finished(all);
  assert.deepEqual([last.reason, last.iteration], ['interrupted', 4]);
  assert.deepEqual(checkpointsIn(folder), ['lm_lstm_epoch0.06_i4.safetensors']);
});

test('timers fire during training', async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await events({ ...small, maxIterations: 60 });
  clearInterval(timer);
  assert.ok(ticks >= 5, `${ticks} ticks`);
});

test('a failed save gives a warning, and training goes on; if the last save fails, the run ends with an error', async (context) => {
  const { options, corpus } = await prepared({ ...small, evaluateEvery: 5 });
  const memory = memoryStorage();
  let fails = 1;
  const failing: CheckpointStorage = {
    ...memory,
    async save(name, parts) {
      if (fails-- > 0) throw new CheckpointError('checkpoint-save-failed', 'the disk is full.');
      return memory.save(name, parts);
    },
  };
  const all: TrainingEvent[] = [];
  for await (const event of trainOn(corpus, options, { storage: failing })) all.push(event);
  const warnings = ofType(all, 'warning').filter(({ code }) => code === 'checkpoint-save-failed');
  assert.deepEqual(
    warnings.map(({ message }) => message),
    ['the disk is full. Training continues.'],
  );
  assert.deepEqual(
    ofType(all, 'checkpointed').map(({ iteration }) => iteration),
    [10, 12],
  );
  // The second save fails, and so does the last one: the error says how to continue from the first.
  fails = 0;
  const saved: string[] = [];
  await assert.rejects(
    async () => {
      for await (const event of trainOn(corpus, options, { storage: failing })) {
        if (event.type !== 'checkpointed') continue;
        saved.push(event.path);
        fails = Number.POSITIVE_INFINITY;
      }
    },
    (error: CheckpointError) => {
      assert.deepEqual(error.remedies, [
        {
          text: 'To continue from the last checkpoint that was saved',
          command: ['train', '--resume', saved[0]],
        },
      ]);
      return error.problem === 'the disk is full.';
    },
  );
  const folder = join(temporaryFolder(context), 'cv');
  await assert.rejects(async () => {
    for await (const event of train({ ...small, checkpointDir: folder })) {
      if (event.type !== 'iteration' || event.iteration !== 12) continue;
      rmSync(folder, { recursive: true });
      writeFileSync(folder, 'in the way');
    }
  }, CheckpointError);
});

test('training goes on while a checkpoint is written; the next save waits for it', async () => {
  const { options, corpus } = await prepared({ ...small, checkpointEvery: '4' });
  const memory = memoryStorage();
  const order: string[] = [];
  let release = () => {};
  let isSlow = true;
  const slow: CheckpointStorage = {
    ...memory,
    async save(name, parts) {
      order.push('save begins');
      await new Promise<void>((resolve) => {
        release = resolve;
        if (!isSlow) resolve();
      });
      order.push('save ends');
      return memory.save(name, parts);
    },
  };
  for await (const event of trainOn(corpus, options, { storage: slow })) {
    if (event.type === 'checkpointed') order.push(`checkpointed ${event.iteration}`);
    if (event.type !== 'iteration') continue;
    order.push(`${event.iteration}`);
    if (event.iteration === 7) release();
    // The save of iteration 8 is released only when the run waits for it before the next snapshot.
    if (event.iteration === 11) setTimeout(() => release(), 20);
    if (event.iteration === 12) isSlow = false;
    if (event.iteration === 12) release();
  }
  const at = (what: string) => order.indexOf(what);
  assert.ok(at('save begins') < at('4') && at('7') < at('save ends'), order.join());
  assert.ok(at('save ends') < at('checkpointed 4'), order.join());
  assert.equal(order.filter((what) => what === 'save ends').length, 3, order.join());
  assert.equal(order.at(-1), 'checkpointed 12', order.join());
  const saved = [...memory.files.keys()].filter((name) => name.startsWith('lm_'));
  assert.equal(saved.length, 2);
  for (const name of saved) {
    const { checkpoint } = LanguageModel.fromBytes(memory.files.get(name) as Uint8Array);
    assert.match(
      name,
      new RegExp(`_i${checkpoint.training?.iteration}\\.`),
      'the checkpoint has the state of the iteration in its name',
    );
  }
});

test('if checkpoints can not be written, the run ends with an error before the first iteration', async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'cv'), 'a file');
  const seen: string[] = [];
  await assert.rejects(
    async () => {
      for await (const event of train({ ...small, checkpointDir: join(folder, 'cv') })) seen.push(event.type);
    },
    { code: 'checkpoint-unwritable' },
  );
  assert.ok(!seen.includes('iteration'));
});

test('with initFrom, weights, shape and vocabulary come from the checkpoint', async (context) => {
  const folder = temporaryFolder(context);
  const first = finished(await events({ ...small, checkpointDir: folder }));
  assert.ok(first.path);
  const all = await events({
    text: 'the rain on the wall. '.repeat(60),
    batchSize: 4,
    sequenceLength: 10,
    hiddenSize: 99,
    maxIterations: 1,
    initFrom: first.path,
  });
  assert.match(
    ofType(all, 'notice')
      .map(({ message }) => message)
      .join(),
    /`hiddenSize` is 12/,
  );
  const { checkpoint } = finished(all);
  assert.ok(checkpoint.vocabulary.equals(first.checkpoint.vocabulary));
  assert.equal(checkpoint.config.hiddenSize, 12);
  const loss = ofType(all, 'iteration')[0]?.trainLoss ?? 9;
  assert.ok(
    loss < (ofType(await events(small), 'iteration')[0]?.trainLoss ?? 0),
    'the first loss is lower than that of a new model',
  );
  await assert.rejects(events({ ...small, text: text.replaceAll('wall', 'WALL'), initFrom: first.path }), {
    code: 'text-unknown-character',
  });
});

test('a model that does not fit in memory is an error with its size, before anything is allocated', async () => {
  await assert.rejects(events({ ...small, hiddenSize: 1_000_000_000 }), {
    code: 'memory',
    message: /would take about .*; there are .*\n.*fewer/,
  });
  await assert.rejects(events({ ...small, layers: 1_000_000_000 }), { code: 'memory' });
});

test('without validation data, training goes on with a warning', async () => {
  const all = await events({ ...small, trainFraction: 1, validationFraction: 0, evaluateEvery: 5 });
  assert.ok(ofType(all, 'warning').some(({ code }) => code === 'no-validation'));
  assert.equal(ofType(all, 'evaluated').length, 0);
  assert.equal(ofType(all, 'sampled').length, 2);
});

/** Mistakes that a caller can make from JavaScript. */
const wrong: [string, object, RegExp][] = [
  ['an unknown option', { rnnSize: 3 }, /rnnSize: there is no such option/],
  ['zero units', { hiddenSize: 0 }, /hiddenSize: got 0, expected a whole number of at least 1/],
  ['a fraction', { batchSize: 1.5 }, /batchSize: got 1.5, expected a whole number/],
  ['NaN', { learningRate: Number.NaN }, /learningRate: got NaN/],
  ['infinity', { gradientClip: Number.POSITIVE_INFINITY }, /gradientClip: got Infinity/],
  ['a text', { seed: '1' }, /seed: got "1"/],
  ['a fraction above 1', { trainFraction: 1.1 }, /trainFraction: got 1.1, expected a number from 0 to 1/],
  ['a dropout of 1', { dropout: 1 }, /dropout: got 1, expected .* less than 1/],
  ['an unknown cell', { cell: 'lstn' }, /cell: got "lstn", expected lstm, gru or rnn/],
  [
    'a time for fixed settings',
    { preset: 'original', time: '9m' },
    /time: has no effect with `preset` original/,
  ],
  ['a name with a folder', { saveName: '../x' }, /saveName/],
];
for (const [what, options, expected] of wrong) {
  test(`wrong options: ${what}`, () => {
    assert.throws(() => checkTrainingOptions(options), { name: 'OptionError', message: expected });
  });
}

test('dropout, seed and validationFraction can be zero', () => {
  assert.equal(checkTrainingOptions({ dropout: 0, seed: 0, validationFraction: 0 }).seed, 0);
});

test('the default model for 65 characters has 240,321 parameters', () => {
  const layout = layoutOf({ cell: 'lstm', layers: 2, hiddenSize: 128, vocabularySize: 65 });
  const parameters = initialParameters(layout, new MersenneTwister(123));
  assert.equal(parameters.length, 240_321);
});

test('without a folder for checkpoints, nothing is written', async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, 'empty'));
  workIn(context, join(folder, 'empty'));
  const last = finished(await events({ ...small, evaluateEvery: 5 }));
  assert.equal(last.path, undefined);
  assert.ok(!existsSync('cv'));
  const model: Model = new LanguageModel(last.checkpoint);
  await model.save('kept.safetensors');
  assert.equal((await LanguageModel.load('kept.safetensors')).parameterCount, model.parameterCount);
});

test('checkpointEvery in minutes counts from the last checkpoint', () => {
  const schedule = new SaveSchedule('1m');
  assert.equal(schedule.due(100), false);
  const now = performance.now;
  performance.now = () => now.call(performance) + 61_000;
  try {
    assert.equal(schedule.due(101), true);
    schedule.saved();
    assert.equal(schedule.due(102), false);
  } finally {
    performance.now = now;
  }
  assert.equal(new SaveSchedule(undefined).due(100), false);
});

test('errors for options that are strings say what was expected', () => {
  assert.throws(
    () => checkTrainingOptions({ checkpointEvery: 'soon' }),
    /got "soon", expected iterations, such as 100, or minutes/,
  );
  assert.throws(
    () => checkTrainingOptions({ saveName: 'a/b' }),
    /expected a name of at most 150 characters, without slashes/,
  );
});
