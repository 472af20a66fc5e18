/** Short forms of `npm run soak` on PostgreSQL. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type PostgresServer, skipWithoutPostgres, startPostgres } from '../sweep/postgres/server.ts';
import { disturbSweep } from './sweep-chaos.ts';
import { compareSweeps } from './sweep-trainings.ts';

const options = { skip: skipWithoutPostgres };

let server: PostgresServer;
before(async () => {
  if (!skipWithoutPostgres) server = await startPostgres();
});
after(() => server?.remove());

test('workers and the server are killed: no job is lost, done twice or wrong', options, async (context) => {
  const figures = await disturbSweep({
    trials: 24,
    kills: 3,
    freezes: 0,
    outages: 1,
    milliseconds: 100,
    server,
  });
  context.diagnostic(JSON.stringify(figures));
  const { jobs, lost, duplicated, wrong, kills, outages } = figures;
  assert.deepEqual({ jobs, lost, duplicated, wrong }, { jobs: 24 + 8 + 2, lost: 0, duplicated: 0, wrong: 0 });
  assert.ok(kills > 0 && outages > 0);
});

test(
  'trainings whose processes are killed have the results of an undisturbed sweep in a file',
  options,
  async (context) => {
    const figures = await compareSweeps({ trials: 6, kills: 3, iterations: 700, workers: [4], server });
    context.diagnostic(JSON.stringify(figures));
    assert.ok(figures.kills > 0 && figures.repeated > 0);
  },
);
