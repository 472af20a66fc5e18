/** How often the end of a run is in the range that was estimated, for recorded and for synthetic times of iterations. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { TimeBlocks } from '../../src/train/advice/time-blocks.ts';
import { TimeEstimator } from '../../src/train/advice/time-estimate.ts';
import type { StartedEvent, TimedEvent } from '../../src/train/events.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

interface Estimate extends TimedEvent {
  /** Milliseconds from the end of the first iteration to the estimate, and from there to the end of the run. */
  readonly elapsed: number;
  readonly actual: number;
}

interface Evaluations {
  readonly every: number;
  readonly milliseconds: number;
  /** Whether one follows the last iteration. */
  readonly isLast?: boolean;
}

/** The estimates in a run whose iterations take these times. */
function estimatesOf(
  times: readonly number[],
  { every, milliseconds: pause, isLast = false }: Evaluations = { every: 1e9, milliseconds: 0 },
): Estimate[] {
  const started = {
    batches: { train: 100, validation: 5, test: 0 },
    options: { accumulate: 1, evaluateEvery: every, maxIterations: isLast ? undefined : times.length },
  } as StartedEvent;
  let now = 0;
  const estimator = new TimeEstimator(started, () => now);
  const made: { event: TimedEvent; at: number }[] = [];
  for (const [index, milliseconds] of times.entries()) {
    const iteration = index + 1;
    now += milliseconds + (iteration % every === 0 ? pause : 0);
    const figures = { epoch: 0, trainLoss: 1, learningRate: 1, gradientNorm: 1, parameterNorm: 1, tokens: 1 };
    const place = { iteration, iterations: times.length };
    const event = estimator.after({ type: 'iteration', ...figures, ...place, milliseconds });
    if (event) made.push({ event, at: now });
  }
  if (isLast && times.length % every !== 0) now += pause;
  const first = times[0] ?? 0;
  return made.map(({ event, at }) => ({ ...event, elapsed: at - first, actual: now - at }));
}

function isRight({ minRestMilliseconds: min, maxRestMilliseconds: max, actual }: Estimate): boolean {
  return min <= actual && actual <= max;
}

/** The fraction of runs that end in the range shown ten seconds after the first iteration. */
function rightAfterTenSeconds(runs: readonly (readonly number[])[]): number {
  const shown = runs.map((times) => estimatesOf(times).find(({ elapsed }) => elapsed >= 10_000));
  assert.ok(shown.length >= 40 && shown.every((estimate) => estimate !== undefined));
  return shown.filter(isRight).length / shown.length;
}

const steady = (count: number, milliseconds: number) => Array.from({ length: count }, () => milliseconds);

test('equal times: after ten iterations, ten seconds after the first iteration, and when the range is much narrower', () => {
  const estimates = estimatesOf([900, ...steady(5000, 20)]);
  assert.deepEqual(
    estimates.map(({ elapsed }) => elapsed),
    [200, 10_000, 70_000],
  );
  for (const estimate of estimates) {
    assert.equal(estimate.milliseconds, 20);
    assert.equal(estimate.epochMilliseconds, 2000);
    assert.equal(estimate.restMilliseconds, estimate.actual);
    assert.ok(isRight(estimate));
  }
  const [, { minRestMilliseconds: min = 0, maxRestMilliseconds: max = 0 } = {}] = estimates;
  assert.ok(max / min < 1.4, `${min} to ${max}`);
});

test('slow iterations: an estimate after the first', () => {
  const [first, second] = estimatesOf(steady(20, 4000));
  assert.deepEqual([first?.elapsed, first?.restMilliseconds], [0, 19 * 4000]);
  assert.equal(second?.elapsed, 12_000);
});

test('evaluations count: at first by the number of their batches, then by their time', () => {
  const times = steady(2000, 20);
  const [early] = estimatesOf(times, { every: 300, milliseconds: 40 });
  assert.equal(early?.restMilliseconds, 1989 * 20 + 6 * 0.4 * 5 * 20);
  const late = estimatesOf(times, { every: 300, milliseconds: 8000 }).at(-1);
  assert.ok(late && isRight(late));
  assert.equal(late.restMilliseconds, late.actual);
});

test('the evaluation after the last epoch counts', () => {
  const times = steady(2000, 20);
  const last = estimatesOf(times, { every: 300, milliseconds: 5000, isLast: true }).at(-1);
  assert.ok(last && isRight(last));
  assert.ok(Math.abs(last.restMilliseconds - last.actual) < 0.02 * last.actual, `${JSON.stringify(last)}`);
});

test('an estimate is corrected if the speed changes for good, and includes occasional pauses', () => {
  const slower = estimatesOf([...steady(1000, 20), ...steady(4000, 60)]);
  assert.ok(!isRight(slower[1] as Estimate));
  assert.ok(isRight(slower.at(-1) as Estimate));
  assert.ok(slower.length > 2 && slower.length < 15, String(slower.length));
  const paused = estimatesOf(Array.from({ length: 5000 }, (_, i) => (i % 50 === 0 ? 400 : 20)));
  assert.ok(paused.slice(1).every(isRight) && paused.length < 7, JSON.stringify(paused));
});

test('recorded times on a shared machine: right in 8 of 10 runs', () => {
  const path = new URL('../fixtures/iteration-times.json', import.meta.url);
  const recorded = JSON.parse(readFileSync(path, 'utf8')) as number[][];
  const runs: number[][] = [];
  for (const times of recorded) {
    for (let start = 0; start < times.length; start += Math.floor(times.length / 25)) {
      for (const seconds of [20, 40, 80, 160]) {
        let sum = 0;
        let end = start;
        while (end < times.length && sum < seconds * 1000) sum += times[end++] as number;
        if (end < times.length) runs.push(times.slice(start, end));
      }
    }
  }
  const right = rightAfterTenSeconds(runs);
  assert.ok(right >= 0.8, `${right} of ${runs.length}`);
});

/** A machine whose load changes every 1 to 20 seconds, with noise and pauses. */
function sharedMachine(generator: MersenneTwister, iterations: number): number[] {
  let slowdown = 1;
  let until = 0;
  let time = 0;
  return Array.from({ length: iterations }, () => {
    if (time >= until) {
      slowdown = 1 + 1.5 * generator.nextUniform() ** 2;
      until = time + 1000 * 20 ** generator.nextUniform();
    }
    const pause = generator.nextUniform() < 0.005 ? 150 : 0;
    const milliseconds = 20 * slowdown * (0.85 + 0.3 * generator.nextUniform()) + pause;
    time += milliseconds;
    return milliseconds;
  });
}

test('a synthetic shared machine: right in 8 of 10 runs', () => {
  const generator = new MersenneTwister(5);
  const runs = Array.from({ length: 200 }, (_, i) =>
    sharedMachine(generator, [1000, 2000, 5000][i % 3] ?? 0),
  );
  const right = rightAfterTenSeconds(runs);
  assert.ok(right >= 0.8, String(right));
});

test('blocks: in few numbers, whatever the number of iterations', () => {
  const blocks = new TimeBlocks();
  assert.equal(blocks.statistics, undefined);
  blocks.add(100);
  assert.deepEqual(blocks.statistics, { mean: 100, fastest: 100, deviation: undefined });
  for (let i = 0; i < 50_000; i++) blocks.add(i < 40_000 ? 10 : 20);
  const { mean = 0, fastest, deviation = 0 } = blocks.statistics ?? {};
  assert.ok(fastest === 10 && mean > 12 && mean < 16, JSON.stringify(blocks.statistics));
  assert.ok(deviation > 0.2 && deviation < 0.5, String(deviation));
});
