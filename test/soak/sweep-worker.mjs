/**
 * A worker of a sweep, in a process that may be killed. It appends its events to a file.
 *
 *     node --import tsx sweep-worker.mjs FOLDER WORKERS
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openSweep } from '../../src/sweep/sweep-folder.node.ts';
import { work } from '../../src/sweep/worker.node.ts';

const [folder = '', workers = ''] = process.argv.slice(2);
let store = await openSweep(folder, { isWorker: true }).catch(() => undefined);
// As whoever starts workers does: again, if the database is away.
while (!store) {
  await sleep(500);
  store = await openSweep(folder, { isWorker: true }).catch(() => undefined);
}
const end = await work({
  ...{ store, folder, workers: Number(workers), signal: new AbortController().signal },
  script: fileURLToPath(new URL('./sweep-trial.mjs', import.meta.url)),
  onEvent: (event) =>
    appendFileSync(
      join(folder, 'events.jsonl'),
      `${JSON.stringify({ ...event, at: Date.now(), pid: process.pid })}\n`,
    ),
});
await store.close();
process.exit(end === 'completed' ? 0 : 1);
