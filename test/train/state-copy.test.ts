/** When a run copies its state: every 50 iterations or 30 seconds, one copy at a time, never one that is not sound or was discarded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { TrainedCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { StateCopy } from '../../src/train/recovery/state-copy.ts';
import type { TrainingRun } from '../../src/train/run/training-run.ts';

/** A run of which only the number of iterations is real. */
function fakeRun() {
  const waiting: { resolve(): void; reject(error: Error): void }[] = [];
  const checkpointOf = (iteration: number) => ({ training: { iteration } }) as TrainedCheckpoint;
  const state = { enqueued: 0, iteration: 0, isSound: true };
  const beginCheckpoint = () => {
    const copied = state.enqueued;
    return () =>
      new Promise<TrainedCheckpoint>((resolve, reject) => {
        waiting.push({ resolve: () => resolve(checkpointOf(copied)), reject });
      });
  };
  const run = Object.assign(state, {
    beginCheckpoint,
    checkpoint: () => beginCheckpoint()(),
    goodCheckpoint: async () => checkpointOf(7),
  });
  let now = 0;
  const copy = new StateCopy(run as unknown as TrainingRun, undefined, () => now);
  /** Makes iterations, with this many in flight. */
  const train = (count: number, depth = 1) => {
    for (let made = 0; made < count; made++) {
      run.enqueued++;
      copy.afterEnqueue();
      if (run.enqueued - run.iteration < depth) continue;
      run.iteration++;
      copy.afterRecord();
    }
  };
  const arrive = async () => {
    for (const { resolve } of waiting.splice(0)) resolve();
    await setImmediate();
  };
  return {
    ...{ run, copy, train, arrive, waiting },
    newest: () => copy.newest?.training.iteration,
    wait(milliseconds: number) {
      now += milliseconds;
    },
  };
}

test('a copy begins every 50 iterations, or 30 seconds after the last', async () => {
  const { train, arrive, wait, newest, waiting } = fakeRun();
  train(49);
  assert.equal(waiting.length, 0);
  train(1);
  assert.equal(waiting.length, 1);
  assert.equal(newest(), undefined);
  train(80);
  assert.equal(waiting.length, 1, 'one at a time');
  await arrive();
  assert.equal(newest(), 50);
  train(1);
  await arrive();
  assert.equal(newest(), 131);
  wait(29_999);
  train(1);
  assert.equal(waiting.length, 0);
  wait(1);
  train(1);
  await arrive();
  assert.equal(newest(), 133);
});

test('a copy waits for the figures of its iteration, not for those of later ones', async () => {
  const { train, arrive, newest, waiting } = fakeRun();
  train(52, 4);
  assert.equal(waiting.length, 0);
  train(1, 4);
  assert.equal(waiting.length, 1);
  await arrive();
  assert.equal(newest(), 50);
});

test('a state that is not sound is not copied; after going back, the good state is the copy', async () => {
  const { run, copy, train, arrive, newest } = fakeRun();
  train(50);
  await arrive();
  run.isSound = false;
  train(50);
  await arrive();
  assert.equal(newest(), 50);
  run.isSound = true;
  train(50);
  await copy.goBack();
  assert.equal(newest(), 7);
  // The copy of the state that was discarded arrives now.
  await arrive();
  assert.equal(newest(), 7);
});

test('a copy that fails is an error of the next iteration', async () => {
  const { train, waiting } = fakeRun();
  train(50);
  for (const { reject } of waiting.splice(0)) reject(new Error('it could not be read'));
  await setImmediate();
  assert.throws(() => train(1), /it could not be read/);
});
