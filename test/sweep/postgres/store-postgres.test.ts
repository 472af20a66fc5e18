/** The contract of a store, for PostgreSQL. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from '../../../src/sweep/postgres/connection.node.ts';
import { loadPgBoss, type PgBoss } from '../../../src/sweep/postgres/packages.node.ts';
import { createPostgresSweep, openPostgresStore } from '../../../src/sweep/postgres/store-postgres.node.ts';
import { SWEEP, testStore } from '../store-contract.ts';
import { type PostgresServer, skipWithoutPostgres, startPostgres } from './server.ts';

let server: PostgresServer;
if (!skipWithoutPostgres) {
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.remove());

  let count = 0;
  testStore('PostgreSQL', async (context) => {
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
      name: sweep.name,
      lease: 10_000,
      async open() {
        const store = await openPostgresStore(await connect(server.url), identity, { isWorker: false });
        context.after(() => store.close());
        return store;
      },
      async pass(milliseconds) {
        const by = [`${milliseconds} milliseconds`];
        await pool.query('UPDATE char_rnn_queue.job SET heartbeat_on = heartbeat_on - $1::interval', by);
        await pool.query('UPDATE char_rnn.job SET heard = heard - $1::interval', by);
        await pool.query('UPDATE char_rnn_queue.queue SET monitor_on = NULL, monitor_claim_on = NULL');
        await supervisor.supervise();
      },
    };
  });
}

test('the store on PostgreSQL', { skip: skipWithoutPostgres }, () => {
  assert.ok(server);
});
