/** The count model of a run: its event, its share of the time, and what is said about it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildCorpus } from '../../src/data/corpus.ts';
import { compareWithBaseline } from '../../src/train/advice/baseline-comparison.ts';
import { adviseOnPoints } from '../../src/train/advice/rules.ts';
import { type BaselineInput, baselineLoss } from '../../src/train/baseline-loss.ts';
import type { BaselineEvent, FinishedEvent, TrainingEvent } from '../../src/train/events.ts';
import { checkTrainingOptions } from '../../src/train/options.ts';
import { Baseline } from '../../src/train/run/baseline.ts';
import { train } from '../../src/train/train.ts';

const text = 'the harbour wall stood in the rain, and the boats lay still. '.repeat(60);
const input: BaselineInput = {
  ...{ text, hiddenSize: 8, layers: 1, batchSize: 5, sequenceLength: 10, maxIterations: 6, evaluateEvery: 3 },
  ...{ validationFraction: 0.1, trainFraction: 0.9 },
  engine: 'reference',
};

async function eventsOf(run: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

const baselineOf = (events: readonly TrainingEvent[]) =>
  events.find((event): event is BaselineEvent => event.type === 'baseline');
const endOf = (events: readonly TrainingEvent[]) => events.at(-1) as FinishedEvent;

test('a run reports the baseline once, before its first iteration; a resumed run reports the same', async () => {
  const events = await eventsOf(train(input));
  const types = events.map(({ type }) => type);
  assert.ok(types.indexOf('baseline') > types.indexOf('started'));
  assert.ok(types.indexOf('baseline') < types.indexOf('iteration'));
  assert.equal(types.lastIndexOf('baseline'), types.indexOf('baseline'));
  const first = baselineOf(events);
  assert.ok(first && first.loss > 0 && first.loss < 1, JSON.stringify(first));
  assert.equal(first.trainTokens + first.validationTokens, Math.floor(text.length / 50) * 50);
  const half = await eventsOf(train({ ...input, maxIterations: 3 }));
  const resumed = await eventsOf(train({ text, resume: endOf(half).checkpoint, maxIterations: 6 }));
  assert.deepEqual(baselineOf(resumed), first);
  assert.deepEqual(endOf(resumed).checkpoint.parameters, endOf(events).checkpoint.parameters);
});

test('without it, the run has the same parameters', async () => {
  const with_ = await eventsOf(train(input));
  const without = await eventsOf(train({ ...input, baseline: false }));
  assert.equal(baselineOf(without), undefined);
  assert.deepEqual(endOf(without).checkpoint.parameters, endOf(with_).checkpoint.parameters);
});

test('nothing is held out: no baseline', async () => {
  const events = await eventsOf(train({ ...input, trainFraction: 1, validationFraction: 0 }));
  assert.equal(baselineOf(events), undefined);
  assert.equal(await baselineLoss({ ...input, trainFraction: 1, validationFraction: 0 }), undefined);
});

test('the library measures it without training, on the same split', async () => {
  for (const other of [{}, { split: 'tail' }, { separator: '. ' }] satisfies Partial<BaselineInput>[]) {
    const { type: _, ...loss } = baselineOf(await eventsOf(train({ ...input, ...other }))) ?? {};
    assert.deepEqual(await baselineLoss({ ...input, ...other }), loss);
  }
  await assert.rejects(baselineLoss({ ...input, signal: AbortSignal.abort(new Error('enough')) }), /enough/);
});

test('a long computation takes 1% of the time after the first two seconds', async () => {
  const corpus = await buildCorpus(
    { text, name: 'text' },
    { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error' },
  );
  const options = checkTrainingOptions({ batchSize: 5, sequenceLength: 10 });
  let calls = 0;
  // Each reading of the clock takes 20 ms.
  const baseline = new Baseline({ corpus, options }, () => 20 * calls++);
  assert.equal(await baseline.begin(undefined), undefined);
  assert.equal(calls, 102, 'two seconds');
  let event: BaselineEvent | undefined;
  const begun = calls;
  let steps = 0;
  while (!event) {
    const before = calls;
    event = await baseline.advance();
    if (calls - before === 2) steps++;
  }
  const share = steps / (calls - begun);
  assert.ok(share > 0.009 && share < 0.011, String(share));
  assert.ok(event.loss < 1);
  assert.equal(await baseline.advance(), undefined);
});

test('the comparison: below, above, about equal', () => {
  const line = { order: 5, loss: 1.9 };
  assert.equal(compareWithBaseline(1.59, line), '0.31 below the count model of order 5');
  assert.equal(compareWithBaseline(2, line), '0.10 above the count model of order 5');
  assert.equal(compareWithBaseline(1.9049, line), 'about equal to the count model of order 5');
});

test('advice on a plateau and on overfitting compares the lowest loss with the baseline', () => {
  const baseline = {
    type: 'baseline',
    order: 5,
    loss: 1.9,
    trainTokens: 1e6,
    validationTokens: 1e5,
  } as const;
  const run = {
    ...{ dropout: 0, weightDrop: 0, tokenDropout: 0, hiddenSize: 128, baseline },
    ...{ schedule: 'original' as const, learningRate: 0.002, peakRate: 0.002 },
  };
  const points = (losses: readonly (readonly [number, number])[]) =>
    losses.map(([trainLoss, validationLoss], i) => ({
      iteration: i + 1,
      epoch: i + 1,
      trainLoss,
      validationLoss,
    }));
  const level = points([1.5, 1.21, 1.2, 1.2, 1.2, 1.2].map((loss) => [loss, loss + 0.3]));
  assert.match(
    adviseOnPoints(level, 4, run)?.message ?? '',
    /a plateau\. The lowest validation loss is 0\.40 below the count model of order 5\. Stop the run/,
  );
  const equal = points([2.5, 2.21, 2.2, 2.2, 2.2, 2.2].map((loss) => [loss, loss]));
  assert.match(
    adviseOnPoints(equal, 4, run)?.message ?? '',
    /too small to learn more\. The lowest validation loss is 0\.30 above the count model/,
  );
  const rising = points([
    [1.4, 1.5],
    [1.3, 1.6],
    [1.2, 1.7],
    [1.1, 1.8],
  ]);
  assert.match(
    adviseOnPoints(rising, 4, run)?.message ?? '',
    /epoch 1\.0\. Its loss is 0\.40 below the count model of order 5\.$/,
  );
  assert.doesNotMatch(
    adviseOnPoints(rising, 4, { ...run, baseline: undefined })?.message ?? '',
    /count model/,
  );
});
