/** The short form of server-abuse.ts: some hundred bad requests while streams are running. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveModel } from '../server/test-server.ts';
import { abuse, KEY, LIMITS } from './server-abuse.ts';

test('bad requests get the right 4xx, and do not disturb streams', async (context) => {
  const { url, errors } = await serveModel(context, LIMITS);
  const { wrong, statuses, streams, spoiled } = await abuse(url, { count: 360 });
  assert.deepEqual(wrong, []);
  assert.equal(Object.keys(statuses).length, 12);
  assert.ok(streams >= 4);
  assert.equal(spoiled, 0);
  assert.deepEqual(errors, []);
  const metrics = await (
    await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${KEY}` } })
  ).text();
  assert.doesNotMatch(metrics, /status="5/);
});
