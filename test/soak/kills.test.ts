import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutSignals } from '../cli/command.ts';
import { killTrainings } from './kills.ts';

test('a run that is killed repeatedly: every checkpoint loads, and the run ends with the bits of an uninterrupted one', {
  skip: skipWithoutSignals,
}, async () => {
  const { kills, runs, checkpointsRead } = await killTrainings({ kills: 4, iterations: 150 });
  assert.equal(kills, 4);
  assert.ok(runs > 0 && checkpointsRead > 4, `${runs} runs, ${checkpointsRead} checkpoints`);
});
