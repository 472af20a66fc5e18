import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkTrainingOptions } from '../../src/train/options.ts';
import type { LearningRates } from '../../src/train/run/learning-rate.ts';
import { makeSchedule } from '../../src/train/run/schedule.ts';

test("the schedule is the original's", () => {
  const options = checkTrainingOptions({ maxEpochs: 3, evaluateEvery: 7, learningRateDecayAfter: 2 });
  const schedule = makeSchedule(options, 10);
  assert.equal(schedule.last, 30);
  assert.deepEqual([7, 8, 14, 29, 30].map(schedule.evaluatesAt), [true, false, true, false, true]);
  const { at: rateAt } = schedule.learningRatesFrom({ iteration: 0, learningRate: 1 });
  assert.deepEqual([10, 19, 20, 29, 30].map(rateAt), [1, 1, 0.97, 0.97, 0.97 * 0.97]);
});

test('rates use only operations that give the same results in every JavaScript engine', () => {
  const used = new Set<string>();
  for (const file of ['train/run/schedule', 'train/run/learning-rate', 'util/cosine']) {
    const source = readFileSync(new URL(`../../src/${file}.ts`, import.meta.url), 'utf8');
    const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/\/\/.*/g, '');
    for (const [all] of code.matchAll(/Math\.(\w+)|(\*\*)/g)) used.add(all);
  }
  const exact = ['Math.PI', 'Math.ceil', 'Math.floor', 'Math.max', 'Math.min', 'Math.sqrt'];
  assert.deepEqual([...used].sort(), exact);
});

/** The rates as the original computes them: by a multiplication at the end of each epoch. */
function ratesOneByOne(rate: number, from: number, to: number, decaysAt: (iteration: number) => boolean) {
  const rates = [rate];
  for (let iteration = from + 1; iteration <= to; iteration++) {
    rates.push((rates.at(-1) as number) * (decaysAt(iteration) ? 0.97 : 1));
  }
  return rates;
}

const places = fc.record({
  epochLength: fc.integer({ min: 1, max: 9 }),
  after: fc.nat(4),
  offset: fc.integer({ min: -5, max: 20 }),
  start: fc.integer({ min: 5, max: 60 }),
  rate: fc.double({ min: 1e-6, max: 10, noNaN: true }),
});

test('from any start, and in any order, the rates have the same bits as those computed one by one', () => {
  fc.assert(
    fc.property(places, ({ epochLength, after, offset, start, rate }) => {
      const options = checkTrainingOptions({ learningRateDecayAfter: after });
      const schedule = makeSchedule(options, epochLength, offset);
      const { at: rateAt } = schedule.learningRatesFrom({ iteration: start, learningRate: rate });
      const expected = ratesOneByOne(rate, start, start + 50, (iteration) => {
        const position = iteration + offset;
        return position % epochLength === 0 && position / epochLength >= after;
      });
      const backwards = expected.map((_, index) => rateAt(start + 50 - index));
      assert.deepEqual(backwards.reverse(), expected);
    }),
  );
});

test('after a resume with a halved rate, the schedule is the same, scaled', () => {
  fc.assert(
    fc.property(
      places,
      fc.nat(40),
      fc.nat(5),
      ({ epochLength, after, offset, start, rate }, on, halvings) => {
        const schedule = makeSchedule(
          checkTrainingOptions({ learningRateDecayAfter: after }),
          epochLength,
          offset,
        );
        const { at: whole } = schedule.learningRatesFrom({ iteration: start, learningRate: rate });
        const iteration = start + on;
        const scale = 0.5 ** halvings;
        const { at: rest } = schedule.learningRatesFrom({
          iteration,
          learningRate: whole(iteration) * scale,
        });
        for (const at of [iteration, iteration + 1, iteration + 30])
          assert.equal(rest(at), whole(at) * scale);
      },
    ),
  );
});

/** The rates of all updates of a run of 100 iterations with a peak of 1. */
function rates(given: Parameters<typeof checkTrainingOptions>[0]): number[] {
  const schedule = makeSchedule(checkTrainingOptions({ maxEpochs: 10, ...given }), 10);
  const { at } = schedule.learningRatesFrom({ iteration: 0, learningRate: 1 });
  return Array.from({ length: schedule.last }, (_, iteration) => at(iteration));
}

test('each schedule is its formula', () => {
  const close = (actual: readonly number[], expected: (iteration: number) => number) =>
    actual.forEach((rate, i) => {
      assert.ok(Math.abs(rate - expected(i)) < 1e-14, `${i}: ${rate}, ${expected(i)}`);
    });
  close(rates({ schedule: 'constant' }), () => 1);
  close(rates({ schedule: 'cosine' }), (i) => (1 + Math.cos((Math.PI * i) / 100)) / 2);
  close(rates({ schedule: 'linear' }), (i) => 1 - i / 100);
  close(rates({ schedule: 'wsd' }), (i) => (i <= 80 ? 1 : 1 - Math.sqrt((i - 80) / 20)));
  close(rates({ schedule: 'cosine', warmup: 0.2 }), (i) =>
    i < 20 ? (i + 1) / 20 : (1 + Math.cos((Math.PI * (i - 20)) / 80)) / 2,
  );
  close(rates({ schedule: 'original', warmup: 0.1, learningRateDecayAfter: 8 }), (i) =>
    i < 10 ? (i + 1) / 10 : 0.97 ** Math.max(0, Math.floor(i / 10) - 7),
  );
});

test('a schedule ends where the run ends: at the last epoch or at maxIterations', () => {
  assert.equal(rates({ schedule: 'linear', maxIterations: 50 })[25], 0.5);
  assert.equal(rates({ schedule: 'linear', maxIterations: 5000 })[25], 0.75);
  // Four batches in an iteration: 25 of them.
  assert.equal(rates({ schedule: 'linear', accumulate: 4 })[5], 0.8);
});

test('every schedule: a run that is resumed, and one that went back with half the rate', () => {
  for (const schedule of ['original', 'constant', 'cosine', 'linear', 'wsd'] as const) {
    const options = checkTrainingOptions({ schedule, warmup: 0.1, maxEpochs: 10, learningRateDecayAfter: 2 });
    const made = makeSchedule(options, 10);
    const whole: LearningRates = made.learningRatesFrom({ iteration: 0, learningRate: 0.003 });
    for (const start of [1, 7, 10, 55, 99]) {
      const resumed = made.learningRatesFrom({ iteration: start, learningRate: whole.heldAt(start) });
      const halved = made.learningRatesFrom({ iteration: start, learningRate: whole.heldAt(start) / 2 });
      for (const at of [start, start + 1, 99]) {
        assert.equal(resumed.at(at), whole.at(at), schedule);
        assert.equal(resumed.heldAt(at), whole.heldAt(at), schedule);
        assert.equal(halved.at(at), whole.at(at) / 2, schedule);
      }
    }
  }
});
