/** The importance of parameters, on trials whose losses are known functions of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SweepDetail, SweepJob, SweepTrial } from '../../src/ui/protocol.ts';
import { importances, ranksOf } from '../../src/ui/sweep/importance.ts';
import { mix32 } from '../../src/util/mix32.ts';

const JOB: SweepJob = {
  ...{ state: 'done', end: 10, iteration: null, rest: null, loss: null },
  ...{ standardError: null, machine: null, message: null },
};

type Values = SweepTrial['parameters'];

function detail(trials: readonly { readonly parameters: Values; readonly job: Partial<SweepJob> }[]) {
  const names = Object.entries(trials[0]?.parameters ?? {});
  return {
    parameters: names.map(([name, value]) => ({
      ...{ name, isNumber: typeof value === 'number', isLogarithmic: false },
    })),
    trials: trials.map(({ parameters, job }, index) => ({
      ...{ number: index + 1, parameters, jobs: [{ ...JOB, ...job }], evaluations: [], run: null },
    })),
  } as unknown as SweepDetail;
}

/** Uniform in [0, 1). */
const random = (index: number, salt: number) => mix32(mix32(index + 1) ^ salt) / 2 ** 32;

function trialsOf(count: number, loss: (own: { a: number; b: number; cell: string }) => number) {
  return Array.from({ length: count }, (_, k) => {
    const parameters = {
      ...{ a: random(k, 1), b: random(k, 2), cell: ['lstm', 'gru', 'rnn'][k % 3] as string },
    };
    return { parameters, job: { loss: loss(parameters) } };
  });
}

const shares = (found: ReturnType<typeof importances>) =>
  Object.fromEntries(found.parameters.map(({ name, share }) => [name, share]));

test('a parameter that decides alone explains everything, and others next to nothing', () => {
  const found = importances(detail(trialsOf(60, ({ a }) => Math.exp(a))), 0);
  assert.equal(found.trials, 60);
  assert.deepEqual([found.parameters[0]?.name, found.parameters[0]?.good], ['a', 'lower']);
  const { a = 0, b = 1, cell = 1 } = shares(found);
  assert.ok(a > 0.999 && b < 0.1 && cell < 0.1, JSON.stringify(shares(found)));
  const falling = importances(detail(trialsOf(60, (own) => -own.a)), 0);
  assert.equal(falling.parameters[0]?.good, 'higher');
});

test('a parameter that is best in the middle, or at the ends, is found', () => {
  const bowl = importances(detail(trialsOf(60, ({ a }) => (a - 0.5) ** 2)), 0);
  assert.deepEqual([bowl.parameters[0]?.name, bowl.parameters[0]?.good], ['a', 'middle']);
  assert.ok((bowl.parameters[0]?.share ?? 0) > 0.8);
  const hill = importances(detail(trialsOf(60, ({ a }) => -((a - 0.5) ** 2))), 0);
  assert.equal(hill.parameters[0]?.good, 'ends');
});

test('choices are compared by groups, and the best one is named', () => {
  const order = ['gru', 'rnn', 'lstm'];
  const found = importances(detail(trialsOf(60, ({ a, cell }) => order.indexOf(cell) + a / 10)), 0);
  const [first] = found.parameters;
  assert.deepEqual([first?.name, first?.good, first?.bestValue], ['cell', 'group', 'gru']);
  assert.ok((first?.share ?? 0) > 0.85);
});

test('exploded trials come last, failed ones and those that are not there do not count', () => {
  const trials = Array.from({ length: 12 }, (_, k) => ({
    parameters: { a: k },
    job: k < 6 ? { loss: 2 } : k < 11 ? { state: 'exploded' as const } : { state: 'failed' as const },
  }));
  const found = importances(detail(trials), 0);
  assert.equal(found.trials, 11);
  assert.equal(found.parameters[0]?.good, 'lower');
  assert.equal(importances(detail(trials), 1).trials, 0);
});

test('no trials, one trial, equal losses, one value: a share of 0, never NaN', () => {
  for (const count of [0, 1, 2, 3, 4])
    for (const { share } of importances(detail(trialsOf(count, () => 1)), 0).parameters)
      assert.equal(share, 0);
  const same = trialsOf(20, ({ b }) => b).map(({ parameters, job }) => ({
    ...{ parameters: { ...parameters, a: 1 }, job },
  }));
  assert.equal(shares(importances(detail(same), 0)).a, 0);
});

test('equal values share the mean of their ranks', () => {
  assert.deepEqual(ranksOf([3, 1, 3, Number.POSITIVE_INFINITY, 2]), [3.5, 1, 3.5, 5, 2]);
  assert.deepEqual(ranksOf([]), []);
});
