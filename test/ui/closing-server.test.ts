/** What a page gets that asks while `char-rnn ui` is closed: not an error of the server. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { sharedFolder } from '../temporary-folder.ts';
import { askApi, makeServer } from './handler.ts';
import { run, writeLog } from './logs.ts';

const folder = sharedFolder();
writeLog(join(folder, 'a', 'lstm.log.jsonl'), run(10));

test('requests while the server closes, and after that, get 503, and nothing is reported', {
  timeout: 60_000,
}, async () => {
  const reported: unknown[] = [];
  const server = makeServer({ folders: [folder], onError: (error) => reported.push(error) });
  const paths = [
    'runs',
    'runs/0123456789ab',
    'runs/0123456789ab/events',
    'sweeps',
    'checkpoints/0123456789ab',
  ];
  const ask = async () => {
    const answers = paths.map((path) => askApi(server, path));
    return (await Promise.all(answers)).map(({ status }) => status);
  };
  // The thread has not even started when the server is closed.
  const early = ask();
  await server.close();
  const closed = paths.map(() => 503);
  assert.deepEqual(await early, closed);
  assert.deepEqual(await ask(), closed);
  assert.deepEqual(reported, []);
});
