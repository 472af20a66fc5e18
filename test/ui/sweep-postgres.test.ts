/** Sweeps in a PostgreSQL database, as the pages see them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connectForNewSweep, createInDatabase } from '../../src/sweep/sweep-database.node.ts';
import { openSweep } from '../../src/sweep/sweep-folder.node.ts';
import { SweepReader } from '../../src/ui/sweep/sweep-reader.node.ts';
import { skipWithoutPostgres, startPostgres } from '../sweep/postgres/server.ts';
import { done, plans, SWEEP } from '../sweep/store-contract.ts';
import { temporaryFolder } from '../temporary-folder.ts';

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
    const reader = new SweepReader(() => false);
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
  list: () => Promise<T[]>,
): Promise<T[]> {
  for (;;) {
    const found = await list();
    if (!found.some(({ problem }) => problem?.includes('not answered yet'))) return found;
  }
}
