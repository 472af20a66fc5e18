/** The server mounted in other servers. */
import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { serve as serveHono } from '@hono/node-server';
import { Hono } from 'hono';
import { nodeListener } from '../../src/server/http/node-listener.node.ts';
import { createServer } from '../../src/server/server.ts';
import { madeModel } from './test-server.ts';

async function complete(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'x', max_tokens: 20, seed: 1, stream: true }),
  });
  assert.equal(response.status, 200);
  const events = await response.text();
  return [...events.matchAll(/^data: (\{.*\})$/gm)]
    .map(([, json]) => JSON.parse(json as string).choices[0].text)
    .join('');
}

test('called as a function, in Hono, and in an http server of Node', async (context) => {
  const model = madeModel();
  const server = createServer({ tiny: model });
  context.after(async () => {
    await server.close();
    await model.close();
  });
  const [expected] = await model.generateAll({ prompts: ['x'], length: 20, seed: 1 });

  const direct = await server(new Request('http://localhost/v1/models'));
  assert.equal((await direct.json()).data[0].id, 'tiny');

  const app = new Hono().mount('/lm', server);
  const hono = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', overrideGlobalObjects: false });
  await new Promise((resolve) => hono.once('listening', resolve));
  context.after(() => hono.close());
  assert.equal(await complete(`http://127.0.0.1:${(hono.address() as AddressInfo).port}/lm`), expected);

  const http = createHttpServer(nodeListener(server));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  context.after(() => http.close());
  assert.equal(await complete(`http://127.0.0.1:${(http.address() as AddressInfo).port}`), expected);
});
