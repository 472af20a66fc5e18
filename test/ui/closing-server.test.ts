/** What a page gets that asks while `char-rnn ui` is closed: not an error of the server. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { IncomingRequest } from '../../src/server/http/incoming-request.ts';
import { Access } from '../../src/ui/server/access.ts';
import { createUiServer } from '../../src/ui/server/ui-server.node.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { run, writeLog } from './logs.ts';

const TOKEN = 'ThisIsTheTokenOfTheTest.';
const folder = sharedFolder();
writeLog(join(folder, 'a', 'lstm.log.jsonl'), run(10));

test('requests while the server closes, and after that, get 503, and nothing is reported', {
  timeout: 60_000,
}, async () => {
  const reported: unknown[] = [];
  const server = createUiServer({
    ...{ folders: [folder], access: new Access(80, [], TOKEN) },
    onError: (error) => reported.push(error),
  });
  const paths = [
    'runs',
    'runs/0123456789ab',
    'runs/0123456789ab/events',
    'sweeps',
    'checkpoints/0123456789ab',
  ];
  const ask = async () => {
    const answers = paths.map((path) => {
      const request = new Request(`http://127.0.0.1:80/api/${path}`, {
        headers: { host: '127.0.0.1:80', authorization: `Bearer ${TOKEN}` },
      });
      return server(request as unknown as IncomingRequest);
    });
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
