/** The contract of a store, for PostgreSQL. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { connect } from '../../../src/sweep/postgres/connection.node.ts';
import { loadPgBoss, type PgBoss } from '../../../src/sweep/postgres/packages.node.ts';
import { openPostgresStore } from '../../../src/sweep/postgres/store-postgres.node.ts';
import { createPostgresSweep } from '../../../src/sweep/postgres/sweeps.node.ts';
import { done, plans, SWEEP, testStore } from '../store-contract.ts';
import { type PostgresServer, skipWithoutPostgres, startPostgres } from './server.ts';

let server: PostgresServer;
if (!skipWithoutPostgres) {
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.remove());

  let count = 0;
  testStore('PostgreSQL', (context) => setUp(context));

  test('PostgreSQL: a job that was taken back while its worker had no connection, and is free, is kept', async (context) => {
    const { open, pass, lease } = await setUp(context);
    const store = await open();
    await store.addTrials(plans(2));
    const claim = await store.claim('w');
    assert.ok(claim);
    await pass(lease + 1000);
    assert.deepEqual(await store.running(), []);
    assert.equal(await store.heartbeat(claim, undefined), 'kept');
    assert.equal((await store.running())[0]?.trial, 1);
    const other = await store.claim('w');
    assert.equal(other?.trial.number, 2, 'nobody else gets it');
    await pass(lease + 1000);
    assert.equal(await store.report(claim, { iteration: 5, epoch: 1, loss: 2, standardError: 1 }), true);
    await pass(lease + 1000);
    assert.deepEqual(await store.finish(claim, done(1)), []);
    assert.ok(other);
    assert.deepEqual(await store.finish(other, done(2)), [{ trial: 1, rung: 1 }]);
  });

  test('PostgreSQL: the jobs with the lowest losses are found without sorting all', async (context) => {
    const { admin } = await setUp(context);
    const plan = await admin.transaction(async (sql) => {
      // Tables this small are sorted, unless that is forbidden.
      await sql.query('SET LOCAL enable_sort = off');
      return await sql.query(
        "EXPLAIN SELECT * FROM char_rnn.job WHERE sweep = 'book' AND state = 'done' ORDER BY loss, trial LIMIT 5",
      );
    });
    const lines = plan.rows.map((row) => String(row['QUERY PLAN']));
    assert.match(lines.join('\n'), /Index Scan using job_by_loss/);
    assert.doesNotMatch(lines.join('\n'), /Sort/);
  });

  test('PostgreSQL: a sweep that is deleted while a worker trains', async (context) => {
    const { open, admin } = await setUp(context);
    const store = await open();
    await store.addTrials(plans(2));
    const claim = await store.claim('w');
    assert.ok(claim);
    const { name } = await store.record();
    await admin.query('DELETE FROM char_rnn.sweep WHERE name = $1', [name]);
    assert.equal(await store.heartbeat(claim, undefined), 'lost');
    assert.equal(await store.finish(claim, done(1)), undefined);
    const problem = new RegExp(`^the sweep ${name} was deleted from postgres://`);
    await assert.rejects(store.claim('w'), { code: 'sweep-missing', problem });
    await assert.rejects(store.record(), { code: 'sweep-missing', problem });
  });

  test('PostgreSQL: a job of many hours is taken anew before the queue takes it back', async (context) => {
    const { open, admin } = await setUp(context);
    const store = await open();
    await store.addTrials(plans(1));
    const claim = await store.claim('w');
    assert.ok(claim);
    const begun = async () => {
      const sql = 'SELECT retry_count, now() - started_on < $1 AS is_new FROM char_rnn_queue.job';
      return (await admin.pool.query(`${sql} ORDER BY created_on DESC LIMIT 1`, ['1 minute'])).rows[0];
    };
    await admin.pool.query("UPDATE char_rnn_queue.job SET started_on = started_on - interval '13 hours'");
    assert.deepEqual({ ...(await begun()) }, { retry_count: 0, is_new: false });
    assert.equal(await store.heartbeat(claim, undefined), 'kept');
    assert.deepEqual({ ...(await begun()) }, { retry_count: 0, is_new: false });
    await admin.pool.query("UPDATE char_rnn.job SET fetched = fetched - interval '13 hours'");
    assert.equal(await store.heartbeat(claim, undefined), 'kept');
    assert.deepEqual({ ...(await begun()) }, { retry_count: 1, is_new: true });
    assert.equal(await store.heartbeat(claim, undefined), 'kept');
    assert.deepEqual({ ...(await begun()) }, { retry_count: 1, is_new: true });
    assert.deepEqual(await store.finish(claim, done(1)), [{ trial: 1, rung: 1 }]);
  });

  async function setUp(context: TestContext) {
    const admin = await connect(server.url);
    const sweep = { ...SWEEP, name: `book-${++count}` };
    const identity = await createPostgresSweep(admin, sweep, []);
    const { pool } = admin;
    const Boss = await loadPgBoss();
    // Looks for silent workers when it is told to, not every two seconds.
    const supervisor = new Boss({
      ...{ db: { executeSql: (text: string, values: unknown[]) => pool.query(text, values) } },
      ...{ schema: 'char_rnn_queue', supervise: false, schedule: false },
    }) as PgBoss & { supervise(): Promise<void> };
    supervisor.on('error', () => {});
    await supervisor.start();
    context.after(async () => {
      await supervisor.stop({ graceful: false });
      await admin.close();
    });
    return {
      admin,
      name: sweep.name,
      lease: 10_000,
      async open() {
        const store = await openPostgresStore(await connect(server.url), identity, { isWorker: false });
        context.after(() => store.close());
        return store;
      },
      async pass(milliseconds: number) {
        const by = [`${milliseconds} milliseconds`];
        await pool.query('UPDATE char_rnn_queue.job SET heartbeat_on = heartbeat_on - $1::interval', by);
        await pool.query('UPDATE char_rnn.job SET heard = heard - $1::interval', by);
        await pool.query('UPDATE char_rnn_queue.queue SET monitor_on = NULL, monitor_claim_on = NULL');
        await supervisor.supervise();
      },
    };
  }
}

test('the store on PostgreSQL', { skip: skipWithoutPostgres }, () => {
  assert.ok(server);
});
