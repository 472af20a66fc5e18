/** Curves in bins, against plain loops. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { binsOf } from '../../src/ui/run/bins.ts';
import { RunColumns } from '../../src/ui/run/run-columns.ts';
import { runningMean } from '../../src/ui/run/running-mean.ts';
import { asEvent, evaluated, iteration } from './logs.ts';

const ALL = {
  x: 'iteration',
  from: Number.NEGATIVE_INFINITY,
  to: Number.POSITIVE_INFINITY,
  bins: 500,
  smoothing: 0,
} as const;

function columnsOf(losses: readonly number[]): RunColumns {
  const columns = new RunColumns();
  for (const [index, loss] of losses.entries()) columns.add(asEvent(iteration(index + 1, loss)));
  return columns;
}

const curve = (columns: RunColumns, input: Partial<Parameters<typeof binsOf>[2]> = {}) =>
  binsOf(columns.seriesOf('trainLoss'), 'trainLoss', { ...ALL, ...input });

test('bins have the lowest, highest, mean and last value of their iterations', () => {
  const losses = fc.array(
    fc.oneof(
      fc.integer({ min: -1000, max: 1000 }).map((value) => value / 8),
      fc.constant(Number.NaN),
    ),
    {
      minLength: 1,
      maxLength: 300,
    },
  );
  fc.assert(
    fc.property(losses, fc.integer({ min: 1, max: 40 }), (values, bins) => {
      const made = curve(columnsOf(values), { bins });
      assert.ok(made.x.length <= bins + 1);
      const groups = new Map<number, { iteration: number; value: number }[]>();
      for (const [index, value] of values.entries()) {
        if (Number.isNaN(value)) continue;
        const bin = Math.floor((index + 1) / made.width);
        groups.set(bin, [...(groups.get(bin) ?? []), { iteration: index + 1, value }]);
      }
      const expected = [...groups.values()];
      assert.equal(made.x.length, expected.length);
      for (const [bin, group] of expected.entries()) {
        const all = group.map(({ value }) => value);
        assert.equal(made.x[bin], group.at(-1)?.iteration);
        assert.equal(made.min[bin], Math.min(...all));
        assert.equal(made.max[bin], Math.max(...all));
        assert.equal(made.last[bin], all.at(-1));
        assert.equal(made.smooth[bin], all.at(-1));
        const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
        assert.ok(Math.abs((made.mean[bin] as number) - mean) < 1e-4);
      }
    }),
  );
});

test('new iterations change only the last bin', () => {
  const columns = columnsOf(Array.from({ length: 1000 }, (_, index) => Math.sin(index)));
  const before = curve(columns, { bins: 100 });
  assert.equal(before.width, 16);
  columns.add(asEvent(iteration(1001, 99)));
  const after = curve(columns, { bins: 100 });
  assert.deepEqual(after.mean.slice(0, before.mean.length - 1), before.mean.slice(0, -1));
  assert.equal(after.max.at(-1), 99);
});

test('runs of different lengths have bins of the same width in a given range', () => {
  const long = columnsOf(Array.from({ length: 5000 }, () => 1));
  const short = columnsOf([1, 2, 3]);
  const range = { from: 0, to: 5000, bins: 100 };
  assert.equal(curve(long, range).width, 64);
  assert.equal(curve(short, range).width, 64);
  assert.equal(curve(short, { bins: 100 }).width, 1);
});

test('a range selects iterations, epochs or seconds, inclusive', () => {
  const columns = columnsOf(Array.from({ length: 100 }, (_, index) => index + 1));
  assert.deepEqual([...curve(columns, { from: 10, to: 12 }).last], [10, 11, 12]);
  assert.deepEqual([...curve(columns, { x: 'epoch', from: 9.95, to: 100 }).last], [100]);
  assert.deepEqual([...curve(columns, { x: 'time', from: 0.15, to: 0.35 }).last], [2, 3]);
  assert.deepEqual([...curve(columns, { from: 1000, to: 2000 }).last], []);
  assert.deepEqual([...curve(columns, { from: 20, to: 10 }).last], []);
});

test('the running mean of a constant is the constant, and has no bias to the first values', () => {
  for (const weight of [0.5, 0.9, 0.999]) {
    for (const mean of runningMean(
      Float32Array.from({ length: 1000 }, () => 2.5),
      weight,
    ))
      assert.ok(Math.abs(mean - 2.5) < 1e-6);
    const [first, second] = runningMean(Float32Array.of(4, 2), weight);
    assert.equal(first, 4);
    const expected = (weight * 4 + 2) / (weight + 1);
    assert.ok(Math.abs((second as number) - expected) < 1e-5);
  }
  const withGap = runningMean(Float32Array.of(1, Number.NaN, Number.POSITIVE_INFINITY, 1), 0.9);
  assert.deepEqual([...withGap].map(Number.isNaN), [false, true, true, false]);
  assert.ok(Math.abs((withGap[3] as number) - 1) < 1e-6);
});

test('smoothing covers all values before the range', () => {
  const values = Array.from({ length: 200 }, (_, index) => (index < 100 ? 0 : 1));
  const whole = curve(columnsOf(values), { smoothing: 0.99 });
  const part = curve(columnsOf(values), { smoothing: 0.99, from: 150, to: 160 });
  assert.equal(part.smooth[0], whole.smooth[149]);
});

test('validation losses are a curve of their own, and so is the speed', () => {
  const columns = columnsOf([1, 2, 3]);
  columns.add(asEvent(evaluated(3, 1.5)));
  columns.add(asEvent(evaluated(4, Number.NaN)));
  const validation = binsOf(columns.seriesOf('validationLoss'), 'validationLoss', ALL);
  assert.deepEqual([...validation.x], [3]);
  const speed = binsOf(columns.seriesOf('speed'), 'speed', ALL);
  assert.deepEqual([...speed.last], [500, 500, 500]);
});
