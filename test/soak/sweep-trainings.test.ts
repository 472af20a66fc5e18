/** The short form of `npm run soak` for sweeps of real trainings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutSignals } from '../cli/command.ts';
import { compareSweeps } from './sweep-trainings.ts';

test('a sweep whose processes are killed, with 4 workers, has the jobs, losses, winner and parameters of an undisturbed one', {
  skip: skipWithoutSignals,
}, async (context) => {
  const figures = await compareSweeps({ trials: 6, kills: 3, iterations: 700, workers: [4] });
  context.diagnostic(JSON.stringify(figures));
  assert.ok(figures.kills > 0 && figures.repeated > 0);
});
