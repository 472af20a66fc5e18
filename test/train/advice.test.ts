/** Advice from the losses, for artificial and for real curves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrainingState } from '../../src/checkpoint/checkpoint.ts';
import { advisor } from '../../src/train/advice/advisor.ts';
import { LossCurve, type LossPoint } from '../../src/train/advice/loss-curve.ts';
import {
  type Advice,
  adviseOnBlocks,
  adviseOnPoints,
  adviseOnSize,
  judgeSize,
} from '../../src/train/advice/rules.ts';
import { EVENTS_VERSION, type StartedEvent, type TrainingEvent } from '../../src/train/events.ts';
import { notifyObservers } from '../../src/train/observers/observers.ts';
import { checkTrainingOptions } from '../../src/train/options.ts';

const run = {
  ...{ dropout: 0, weightDrop: 0, tokenDropout: 0, hiddenSize: 128 },
  ...{ schedule: 'original' as const, learningRate: 0.002, peakRate: 0.002 },
};

/** Points from pairs of training and validation loss, with an evaluation every `epochs` epochs. */
function points(losses: readonly (readonly [number, (number | undefined)?])[], epochs = 1): LossPoint[] {
  return losses.map(([trainLoss, validationLoss], index) => ({
    iteration: (index + 1) * 1000,
    epoch: (index + 1) * epochs,
    trainLoss,
    validationLoss,
  }));
}

/** The kinds of advice that are given while a curve grows, each with the number of points when it first appears. */
function adviceOn(all: readonly LossPoint[], first = 4): [string, number][] {
  const codes = new Map<string, number>();
  for (let length = 1; length <= all.length; length++) {
    const advice = adviseOnPoints(all.slice(0, length), first, run);
    if (advice && !codes.has(advice.code)) codes.set(advice.code, length);
  }
  return [...codes];
}

const fall = (from: number, to: number, steps: number) =>
  Array.from({ length: steps }, (_, index) => to + (from - to) * 0.7 ** index);

test('a healthy curve: no advice', () => {
  const train = fall(2.5, 1.2, 20).map((loss, index) => loss - index * 0.01);
  assert.deepEqual(adviceOn(points(train.map((loss) => [loss, loss + 0.1]))), []);
});

test('overfitting: validation rises for three evaluations while training falls', () => {
  const train = [2.0, 1.6, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9];
  const validation = [2.05, 1.7, 1.55, 1.5, 1.53, 1.56, 1.6, 1.66];
  const curve = points(train.map((loss, index) => [loss, validation[index]]));
  assert.deepEqual(adviceOn(curve), [['overfitting', 7]]);
  assert.match(
    adviseOnPoints(curve.slice(0, 7), 4, run)?.message ?? '',
    /validation has risen for 3 evaluations \(1\.5000 to 1\.6000\) while the training loss fell \(1\.3000 to 1\.0000\): overfitting\. Try more dropout.*epoch 4\.0\.$/,
  );
  const more = adviseOnPoints(curve, 4, { ...run, dropout: 0.3, bestPath: 'cv/best.safetensors' });
  assert.match(more?.message ?? '', /epoch 4\.0, in cv\/best\.safetensors\.$/);
  const settings = (dropout: number) =>
    adviseOnPoints(curve, 4, { ...run, dropout })?.remedies?.map(({ set }) => set);
  assert.deepEqual(settings(0.3), [
    { dropout: 0.5, resume: undefined },
    { hiddenSize: 64, resume: undefined },
  ]);
  assert.deepEqual(settings(0.5), [{ hiddenSize: 64, resume: undefined }]);
});

test('not overfitting: a jump in one evaluation, a rise within the noise, or a rise within part of an epoch', () => {
  const jump = points([
    [2, 2.1],
    [1.6, 1.7],
    [1.5, 1.8],
    [1.4, 1.6],
    [1.35, 1.65],
    [1.3, 1.55],
  ]);
  assert.deepEqual(adviceOn(jump), []);
  const noise = fall(2.5, 1.3, 20).map((loss, index): [number, number] => [
    loss - index * 0.02,
    index < 10 ? loss + 0.1 : 1.43 + (index % 2) * 0.004,
  ]);
  assert.deepEqual(adviceOn(points(noise)), []);
  const early = points(
    [
      [2.6, 2.61],
      [2.5, 2.55],
      [2.4, 2.6],
      [2.3, 2.62],
      [2.2, 2.6],
    ],
    0.05,
  );
  assert.deepEqual(adviceOn(early), []);
});

test('underfitting: both losses are level and about equal', () => {
  const curve = [2.4, 2.1, 1.95, 1.92, 1.915, 1.912, 1.91, 1.909].map((loss): [number, number] => [
    loss,
    loss + 0.02,
  ]);
  assert.deepEqual(adviceOn(points(curve)), [['underfitting', 8]]);
  assert.match(adviseOnPoints(points(curve), 4, run)?.message ?? '', /underfitting\. The model is too small/);
});

test('dropout raises the training loss: it can not show that a model is too small', () => {
  const curve = points([2.4, 2.1, 1.95, 1.92, 1.915, 1.912, 1.91, 1.909].map((loss) => [loss, loss]));
  for (const dropped of [{ dropout: 0.3 }, { weightDrop: 0.2 }, { tokenDropout: 0.1 }])
    assert.equal(adviseOnPoints(curve, 4, { ...run, ...dropped })?.code, 'plateau');
});

test('a schedule that ends at zero: level losses mean nothing, nor does a rise while the rate is high', () => {
  const level = points([2.4, 2.1, 1.95, 1.92, 1.915, 1.912, 1.91, 1.909].map((loss) => [loss, loss]));
  const rising = points([
    ...[2.5, 2.1, 1.8, 1.6, 1.4, 1.3].map((loss): [number, number] => [loss, loss + 0.1]),
    ...[1.29, 1.27, 1.25, 1.23, 1.21].map((loss): [number, number] => [loss, 1.6]),
  ]);
  for (const schedule of ['cosine', 'linear', 'wsd'] as const) {
    assert.equal(adviseOnPoints(level, 4, { ...run, schedule, learningRate: 0 }), undefined);
    assert.equal(adviseOnPoints(rising, 4, { ...run, schedule, learningRate: 0.0015 }), undefined);
    assert.equal(adviseOnPoints(rising, 4, { ...run, schedule, learningRate: 0.0005 })?.code, 'overfitting');
  }
  assert.equal(adviseOnPoints(rising, 4, run)?.code, 'overfitting');
  assert.equal(adviseOnPoints(level, 4, { ...run, schedule: 'constant' })?.code, 'underfitting');
});

test('a plateau: both losses are level but not equal; or the training loss is level and nothing is held out', () => {
  const losses = [2.0, 1.5, 1.3, 1.2, 1.195, 1.194, 1.192, 1.191];
  assert.deepEqual(adviceOn(points(losses.map((loss) => [loss, loss + 0.3]))), [['plateau', 8]]);
  assert.deepEqual(adviceOn(points(losses.map((loss) => [loss]))), [['plateau', 8]]);
  const advice = adviseOnPoints(points(losses.map((loss) => [loss])), 4, {
    ...run,
    bestPath: 'cv/best.safetensors',
  });
  assert.deepEqual(advice?.remedies?.[0]?.set, { resume: 'cv/best.safetensors', learningRate: 0.001 });
  assert.deepEqual(
    adviceOn(
      points(
        losses.map((loss) => [loss]),
        0.1,
      ),
    ),
    [],
    'too short: less than two epochs',
  );
});

test('a loss that has hardly moved: a larger learning rate', () => {
  const curve = points(Array.from({ length: 6 }, (_, index) => [3.9 - index * 0.001, 3.9]));
  assert.match(adviseOnPoints(curve, 4, run)?.message ?? '', /hardly moved.*larger learning rate/);
});

test('divergence: two blocks far above the lowest', () => {
  const rising = [3, 2, 1.6, 1.5, 1.55, 1.7, 2.0, 2.3];
  const when = rising.findIndex((_, index) => adviseOnBlocks(rising.slice(0, index + 1), 4.2, run));
  assert.equal(when, 7);
  assert.equal(adviseOnBlocks(rising, 4.2, run)?.code, 'divergence');
  assert.equal(adviseOnBlocks([3, 2, 1.6, 1.5, 2.2, 1.6, 1.5], 4.2, run), undefined, 'only one bad block');
  assert.equal(adviseOnBlocks([3, 1, 0.2, 0.05, 0.09, 0.1], 4.2, run), undefined, 'a memorised text');
});

/** The original's own run on tinyshakespeare with its defaults: epoch and validation loss. */
const ORIGINAL: readonly (readonly [number, number])[] = [
  [2.36, 1.7637],
  [4.73, 1.5526],
  [7.09, 1.4677],
  [9.46, 1.4337],
  [11.82, 1.418],
  [14.18, 1.3995],
  [16.55, 1.4],
  [18.91, 1.3996],
  [21.28, 1.3987],
  [23.64, 1.4109],
  [26, 1.3971],
  [28.37, 1.4088],
  [33.1, 1.4131],
  [37.83, 1.4205],
  [42.55, 1.4325],
  [47.28, 1.4343],
  [50, 1.4303],
];
/** The same run with this program: epoch, training loss since the previous evaluation, validation loss. */
const OURS: readonly (readonly [number, number, number])[] = [
  [2.36, 2.1998, 1.7657],
  [4.73, 1.5943, 1.5613],
  [7.09, 1.4459, 1.4551],
  [9.46, 1.3754, 1.4263],
  [11.82, 1.3297, 1.4066],
  [14.18, 1.296, 1.3923],
  [16.55, 1.2718, 1.3925],
  [18.91, 1.2506, 1.3879],
  [21.28, 1.2341, 1.3875],
  [23.64, 1.2216, 1.3917],
  [26, 1.208, 1.3839],
  [28.37, 1.1976, 1.3909],
  [30.73, 1.1892, 1.3953],
  [33.1, 1.1791, 1.3926],
  [35.46, 1.1726, 1.4007],
  [37.83, 1.1654, 1.4056],
  [40.19, 1.1585, 1.4047],
  [42.55, 1.1541, 1.4138],
  [44.92, 1.1474, 1.4157],
  [47.28, 1.1431, 1.4127],
  [49.65, 1.1399, 1.4214],
];

test('the real curves: overfitting is the only advice, some time after the best epoch, 26', () => {
  const trainAt = (epoch: number) => OURS.find(([at]) => at >= epoch)?.[1] ?? 1.14;
  for (const curve of [OURS, ORIGINAL.map(([epoch, loss]) => [epoch, trainAt(epoch), loss] as const)]) {
    const all = curve.map(([epoch, trainLoss, validationLoss], index) => ({
      iteration: (index + 1) * 1000,
      epoch,
      trainLoss,
      validationLoss,
    }));
    const [[code, length] = ['', 0], ...more] = adviceOn(all, 4.18);
    assert.equal(code, 'overfitting');
    const epoch = all[length - 1]?.epoch ?? 0;
    assert.ok(epoch > 28 && epoch < 45, `${epoch}`);
    assert.deepEqual(more, []);
  }
});

test('the model size is judged by the number of characters per parameter', () => {
  assert.deepEqual(judgeSize(240_321, 1_115_394), {
    code: undefined,
    sentence: '4.6 characters per parameter: a good size for this text',
  });
  assert.equal(judgeSize(10_000, 1_115_394).code, 'model-small');
  assert.equal(judgeSize(3_000_000, 100_000).code, 'model-large');
  assert.match(judgeSize(3_000_000, 100_000).sentence, /^30 parameters per character/);
  assert.match(judgeSize(200_000, 199_000).sentence, /^1 parameter per character/);
  assert.match(judgeSize(199_000, 200_000).sentence, /^1 character per parameter/);
});

test('advice has the options to change as data', () => {
  const settings = (advice: Advice | undefined) => advice?.remedies?.map(({ set }) => set) ?? [];
  const fresh = { resume: undefined };
  assert.deepEqual(settings(adviseOnBlocks([3, 2, 1.6, 1.5, 1.55, 1.7, 2.0, 2.3], 4.2, run)), [
    { learningRate: 0.001, ...fresh },
    { meanNormClip: 1, gradientNormClip: undefined, ...fresh },
  ]);
  assert.deepEqual(settings(adviseOnSize({ parameters: 1_000_000, tokens: 4_000_000 }, run)), []);
  assert.deepEqual(settings(adviseOnSize({ parameters: 100_000, tokens: 1_600_000 }, run)), [
    { hiddenSize: 512, ...fresh },
  ]);
  const large = { parameters: 1_600_000, tokens: 100_000 };
  assert.deepEqual(settings(adviseOnSize(large, run)), [
    { hiddenSize: 32, ...fresh },
    { dropout: 0.3, ...fresh },
  ]);
  assert.equal(settings(adviseOnSize(large, { ...run, dropout: 0.1 })).length, 1);
});

test('a loss curve discards what a run discards by going back', () => {
  const curve = new LossCurve((iteration) => iteration / 100);
  for (let iteration = 1; iteration <= 250; iteration++) {
    curve.addTraining(iteration, iteration <= 200 ? 2 : 90);
    if (iteration % 100 === 0) curve.addEvaluation(iteration, 2.1);
  }
  curve.addEvaluation(250, 80);
  curve.goBack(200);
  assert.deepEqual(curve.blockMeans, [2, 2]);
  assert.deepEqual(
    curve.points.map(({ iteration }) => iteration),
    [100, 200],
  );
  curve.addTraining(201, 1);
  curve.addEvaluation(201, 1);
  assert.equal(curve.points.at(-1)?.trainLoss, 1);
});

const started: StartedEvent = {
  type: 'started',
  formatVersion: EVENTS_VERSION,
  programVersion: '0.1.0',
  host: undefined,
  runId: 'a',
  options: checkTrainingOptions({ evaluateEvery: 100 }),
  origins: { evaluateEvery: 'flag' },
  start: 'new',
  text: { name: 'x', bytes: 1, sha256: '', characters: 1 },
  vocabularySize: 5,
  batches: { train: 100, validation: 5, test: 0 },
  tokens: 3000,
  parameters: 1000,
  memory: 1,
  freeMemory: undefined,
  engine: '',
  iteration: 0,
  iterations: 2000,
  writes: undefined,
  writesInstead: undefined,
  files: undefined,
};

/** The events of an artificial run, from its training and validation losses for every hundred iterations. */
async function* artificialRun(
  curve: readonly (readonly [number, number])[],
  from = 0,
  milliseconds = 20,
): AsyncGenerator<TrainingEvent> {
  yield from === 0 ? started : { ...started, start: 'resumed' };
  for (let iteration = from + 1; iteration <= curve.length * 100; iteration++) {
    const [trainLoss, validationLoss] = curve[Math.ceil(iteration / 100) - 1] as readonly [number, number];
    const epoch = iteration / 100;
    if (iteration % 100 === 0) {
      yield { type: 'evaluated', iteration, epoch, validationLoss, standardError: 0.05, best: false };
    }
    yield {
      ...{ type: 'iteration', iteration, iterations: 2000, epoch, trainLoss, learningRate: 0.002 },
      ...{
        gradientNorm: 1,
        parameterNorm: 1,
        milliseconds: iteration === from + 1 ? 500 : milliseconds,
        tokens: 1,
      },
    };
  }
}

async function collect(events: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const all: TrainingEvent[] = [];
  for await (const event of events) {
    if (event.type === 'advice' || event.type === 'timed' || event.type === 'warning') all.push(event);
  }
  return all;
}

const OVERFIT = [2, 1.6, 1.4, 1.3, 1.2, 1.1, 1, 0.9, 0.8, 0.7].map((train, index): [number, number] => [
  train,
  index < 4 ? train + 0.1 : 1.4 + 0.05 * (index - 3),
]);

test('events: an estimate of the time, a warning about too little validation data, and advice, each once', async () => {
  const all = await collect(notifyObservers(artificialRun(OVERFIT), [advisor(undefined)]));
  assert.deepEqual(
    all.map((event) => ('code' in event ? event.code : event.type)),
    ['timed', 'validation-imprecise', 'overfitting'],
  );
  const [timed] = all;
  assert.ok(timed?.type === 'timed');
  assert.deepEqual([timed.milliseconds, timed.epochMilliseconds], [20, 2000]);
  assert.ok(
    timed.minRestMilliseconds < timed.restMilliseconds && timed.restMilliseconds < timed.maxRestMilliseconds,
  );
});

test('a resumed run does not repeat advice', async () => {
  const iterations = Int32Array.from({ length: 900 }, (_, index) => index + 1);
  const resumed = {
    trainLosses: {
      iterations,
      values: Float64Array.from(iterations, (at) => OVERFIT[Math.ceil(at / 100) - 1]?.[0] ?? 0),
    },
    validationLosses: {
      iterations: Int32Array.from({ length: 9 }, (_, index) => (index + 1) * 100),
      values: Float64Array.from(OVERFIT.slice(0, 9), ([, validation]) => validation),
    },
  } as unknown as TrainingState;
  const all = await collect(notifyObservers(artificialRun(OVERFIT, 900), [advisor(resumed)]));
  assert.ok(!all.some((event) => event.type === 'advice'), JSON.stringify(all));
});

test('if iterations are slow, the time is estimated after the first one', async () => {
  const [timed] = await collect(notifyObservers(artificialRun([[2, 2]], 0, 4000), [advisor(undefined)]));
  assert.deepEqual(timed?.type === 'timed' && timed.milliseconds, 4000);
});
