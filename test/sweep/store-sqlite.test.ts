/** The contract of a store, for SQLite; and files that are no sweeps, or are of a later version. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '../../src/sweep/sqlite.node.ts';
import { createSqliteStore, LEASE, openSqliteStore } from '../../src/sweep/store-sqlite.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { done, plans, SWEEP, testStore } from './store-contract.ts';

testStore('SQLite', async (context) => {
  const path = join(temporaryFolder(context), 'sweep.sqlite');
  await (await createSqliteStore(path, SWEEP)).close();
  context.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  return {
    lease: LEASE,
    pass: async (milliseconds) => context.mock.timers.tick(milliseconds),
    async open() {
      const store = await openSqliteStore(path);
      context.after(() => store.close());
      return store;
    },
  };
});

test('a missing file, one that is no database, another database, a later version: one sentence each', async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, 'sweep.sqlite');
  const opened = () => openSqliteStore(path);
  await assert.rejects(opened(), { code: 'sweep-missing', message: `there is no sweep in ${path}.` });
  writeFileSync(path, 'a text that is no database '.repeat(100));
  await assert.rejects(opened(), { code: 'sweep-database', message: /can't be used: .*not a database/ });
  writeFileSync(path, '');
  await assert.rejects(opened(), { code: 'sweep-database', message: `${path} is not the file of a sweep.` });
  const database = await openDatabase(path);
  database.exec('PRAGMA user_version = 9');
  database.close();
  await assert.rejects(opened(), { code: 'sweep-newer', message: /from a newer version .* format is 9, / });
});

test('the jobs with the lowest losses are found without sorting all', async (context) => {
  const path = join(temporaryFolder(context), 'sweep.sqlite');
  await (await createSqliteStore(path, SWEEP)).close();
  const database = await openDatabase(path);
  context.after(() => database.close());
  const plan = database
    .prepare("EXPLAIN QUERY PLAN SELECT * FROM job WHERE state = 'done' ORDER BY loss, trial LIMIT 5")
    .all();
  assert.deepEqual(
    plan.map(({ detail }) => detail),
    ['SEARCH job USING INDEX job_by_loss (state=?)'],
  );
});

test('a sweep of 10,000 trials: what a status needs is read at once', async (context) => {
  const path = join(temporaryFolder(context), 'sweep.sqlite');
  const store = await createSqliteStore(path, SWEEP);
  context.after(() => store.close());
  await store.addTrials(plans(10_000));
  const database = await openDatabase(path);
  database.exec(
    "UPDATE job SET state = 'done', loss = (trial * 7919) % 10007, checkpoint = 'c' WHERE trial > 1",
  );
  database.close();
  const claim = await store.claim('w');
  assert.ok(claim);
  assert.equal((await store.finish(claim, done(-1)))?.length, 3333);
  const begun = performance.now();
  await store.record();
  assert.deepEqual(
    (await store.counts()).map(({ count }) => count),
    [10_000, 3333],
  );
  await store.running();
  assert.equal((await store.best(5)).length, 5);
  const milliseconds = performance.now() - begun;
  context.diagnostic(`${milliseconds.toFixed(0)} ms`);
  // Measured: 5 ms. A machine that is busy takes longer.
  assert.ok(milliseconds < 1000, `${milliseconds} ms`);
});
