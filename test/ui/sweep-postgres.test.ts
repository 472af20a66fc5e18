/** Sweeps in a PostgreSQL database, as the pages see them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connectForNewSweep, createInDatabase } from '../../src/sweep/sweep-database.node.ts';
import { openSweep } from '../../src/sweep/sweep-folder.node.ts';
import type { SweepList } from '../../src/ui/protocol.ts';
import { SweepReader } from '../../src/ui/sweep/sweep-reader.node.ts';
import { skipWithoutPostgres, startPostgres } from '../sweep/postgres/server.ts';
import { done, plans, SWEEP } from '../sweep/store-contract.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { askApi, makeServer } from './handler.ts';

describe('sweeps in PostgreSQL', { skip: skipWithoutPostgres, timeout: 120_000 }, () => {
  test('are read without a write, and are unreadable while the server is away', async (context) => {
    const server = await startPostgres();
    context.after(() => server.remove());
    const folder = join(temporaryFolder(context), 'book');
    const connection = await connectForNewSweep(server.url, 'book');
    const text = { ...SWEEP.text, textFile: ['/book.txt'] };
    await createInDatabase(connection, folder, { ...SWEEP, name: 'book', text }, { text, trials: plans(3) });
    await connection.close();
    const store = await openSweep(folder, { isWorker: true });
    const claim = await store.claim('w');
    assert.ok(claim);
    await store.finish(claim, done(2));
    await store.close();

    const folders = new Map([[folder, 'sweeps/book']]);
    const reader = new SweepReader(() => false, [server.url]);
    const [summary] = await patiently(() => reader.list(folders));
    assert.deepEqual(
      [summary?.name, summary?.state, summary?.trials, summary?.best?.loss],
      ['book', 'waiting', 3, 2],
    );
    const read = await reader.read(folders, String(summary?.id), undefined);
    assert.deepEqual(
      read?.detail?.trials.map(({ evaluations }) => evaluations.length),
      [1, 0, 0],
    );
    assert.equal((await reader.read(folders, String(summary?.id), read?.etag))?.detail, undefined);
    const other = server.url.replace('127.0.0.1', '127.0.0.2');
    for (const databases of [[], [other]]) {
      const [locked] = await new SweepReader(() => false, databases).list(folders);
      assert.equal(locked?.state, 'unreadable');
      assert.equal(
        locked?.problem,
        `its state is in the database ${server.url}, to which char-rnn ui connects only if it is started with that database.`,
      );
    }
    const app = makeServer({ folders: [join(folder, '..')], databases: [server.url] });
    const answered = await patiently(async () => {
      const response = await askApi(app, 'sweeps');
      return ((await response.json()) as SweepList).sweeps;
    });
    assert.deepEqual(
      answered.map(({ name, state }) => [name, state]),
      [['book', 'waiting']],
    );
    await app.close();
    const readOnly = await openSweep(folder, { isReadOnly: true });
    await assert.rejects(readOnly.setStopped(true), /25006/);
    await readOnly.close();

    await server.kill();
    const away = await reader.read(folders, String(summary?.id), undefined);
    assert.equal(away?.detail?.summary.state, 'unreadable');
    assert.match(String(away?.detail?.summary.problem), /can't be reached/);
  });
});

/** Asks again while the database has not answered. */
async function patiently<T extends { readonly problem: string | null }>(
  list: () => Promise<readonly T[]>,
): Promise<readonly T[]> {
  for (;;) {
    const found = await list();
    if (found.length > 0 && !found.some(({ problem }) => problem?.includes('not answered yet'))) return found;
  }
}
