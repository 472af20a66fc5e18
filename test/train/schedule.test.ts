import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkTrainingOptions } from '../../src/train/options.ts';
import { makeSchedule } from '../../src/train/run/schedule.ts';

test("the schedule is the original's", () => {
  const options = checkTrainingOptions({ maxEpochs: 3, evaluateEvery: 7, learningRateDecayAfter: 2 });
  const schedule = makeSchedule(options, 10);
  assert.equal(schedule.last, 30);
  assert.deepEqual([7, 8, 14, 29, 30].map(schedule.evaluatesAt), [true, false, true, false, true]);
  const rateAt = schedule.learningRateFrom({ iteration: 0, learningRate: 1 });
  assert.deepEqual([10, 19, 20, 29, 30].map(rateAt), [1, 1, 0.97, 0.97, 0.97 * 0.97]);
});

test('rates use only operations that give the same results in every JavaScript engine', () => {
  const source = readFileSync(new URL('../../src/train/run/schedule.ts', import.meta.url), 'utf8');
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '');
  const used = new Set([...code.matchAll(/Math\.(\w+)|(\*\*)/g)].map(([all]) => all));
  assert.deepEqual([...used].sort(), ['Math.floor', 'Math.max', 'Math.min']);
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
      const rateAt = schedule.learningRateFrom({ iteration: start, learningRate: rate });
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
        const whole = schedule.learningRateFrom({ iteration: start, learningRate: rate });
        const iteration = start + on;
        const scale = 0.5 ** halvings;
        const rest = schedule.learningRateFrom({ iteration, learningRate: whole(iteration) * scale });
        for (const at of [iteration, iteration + 1, iteration + 30])
          assert.equal(rest(at), whole(at) * scale);
      },
    ),
  );
});
