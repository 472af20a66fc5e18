/** The short form of `npm run soak`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutSignals } from '../cli/command.ts';
import { disturbSweep } from './sweep-chaos.ts';

test('workers of a sweep that are killed: no job is lost, done twice or wrong, and others take over', {
  skip: skipWithoutSignals,
}, async (context) => {
  const figures = await disturbSweep({ trials: 24, kills: 2, freezes: 0, milliseconds: 300 });
  context.diagnostic(JSON.stringify(figures));
  const { jobs, lost, duplicated, wrong, kills, attempts } = figures;
  assert.deepEqual({ jobs, lost, duplicated, wrong }, { jobs: 24 + 8 + 2, lost: 0, duplicated: 0, wrong: 0 });
  assert.ok(kills > 0 && attempts > jobs, 'no kill has met a job');
});
