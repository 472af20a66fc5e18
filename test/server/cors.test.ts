/** Which pages may use the server: its CORS headers with --cors and without. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createServer } from '../../src/server/server.ts';
import { serveModel } from './test-server.ts';

const ORIGIN = 'https://page.example';
const CLIENT_HEADERS = 'authorization,content-type,x-stainless-lang,x-stainless-retry-count';

/** The CORS headers of a response. */
const corsOf = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));

function preflight(url: string, origin: string, more: Readonly<Record<string, string>> = {}) {
  return fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': CLIENT_HEADERS,
      ...more,
    },
  });
}

test('without the option no response has CORS headers', async (context) => {
  const { url, post } = await serveModel(context);
  const headers = { origin: ORIGIN };
  for (const response of [
    await fetch(`${url}/v1/models`, { headers }),
    await fetch(`${url}/health`, { headers }),
    await fetch(`${url}/nothing`, { headers }),
    await post('/v1/completions', { prompt: 'x' }, { headers }),
    await post('/v1/completions', { prompt: 'x', stream: true }, { headers }),
    await preflight(`${url}/v1/completions`, ORIGIN),
  ]) {
    assert.deepEqual(corsOf(response), {}, response.url);
    await response.body?.cancel();
  }
  assert.equal((await preflight(`${url}/v1/completions`, ORIGIN)).status, 405);
});

test('pages of the named origins may read every response, including errors and streams; other pages none', async (context) => {
  const cors = [`${ORIGIN}/`, 'http://localhost:3000'];
  const { url, post } = await serveModel(context, { cors, apiKey: 'secret' });
  for (const origin of [ORIGIN, 'http://localhost:3000']) {
    const headers = { origin, authorization: 'Bearer secret' };
    for (const response of [
      await fetch(`${url}/v1/models`, { headers }),
      await fetch(`${url}/v1/models`, { headers: { origin } }),
      await fetch(`${url}/nothing`, { headers }),
      await post('/v1/completions', { prompt: 'x', stream: true }, { headers }),
      await post('/v1/chat/completions', {}, { headers }),
    ]) {
      assert.equal(response.headers.get('access-control-allow-origin'), origin, response.url);
      assert.equal(response.headers.get('vary'), 'origin');
      assert.equal(response.headers.get('access-control-allow-credentials'), null);
      await response.body?.cancel();
    }
  }
  for (const origin of [
    'https://page.example.evil',
    'http://page.example',
    'https://page.example:8443',
    'null',
  ]) {
    const response = await fetch(`${url}/health`, { headers: { origin } });
    assert.deepEqual(corsOf(response), { vary: 'origin' }, origin);
    const asked = await preflight(`${url}/v1/completions`, origin);
    assert.deepEqual([asked.status, asked.headers.get('access-control-allow-origin')], [403, null], origin);
    assert.equal((await asked.json()).error.code, 'origin_not_allowed');
  }
});

test('a preflight of any path needs no key and allows the requested headers', async (context) => {
  const { url } = await serveModel(context, { cors: '*', apiKey: 'secret' });
  for (const path of [
    '/v1/completions',
    '/v1/chat/completions/',
    '/models',
    '/tokenize',
    '/metrics',
    '/',
    '/nothing',
  ]) {
    const response = await preflight(`${url}${path}`, ORIGIN);
    assert.equal(response.status, 204, path);
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
    assert.match(response.headers.get('access-control-allow-methods') ?? '', /GET, POST/);
    assert.equal(response.headers.get('access-control-allow-headers')?.replaceAll(' ', ''), CLIENT_HEADERS);
    assert.ok(Number(response.headers.get('access-control-max-age')) > 0);
  }
  const local = await preflight(`${url}/v1/models`, ORIGIN, {
    'access-control-request-private-network': 'true',
  });
  assert.equal(local.headers.get('access-control-allow-private-network'), 'true');
  const odd = await preflight(`${url}/v1/models`, ORIGIN, {
    'access-control-request-headers': 'a b, c, "d"',
  });
  assert.equal(odd.headers.get('access-control-allow-headers'), 'c');
});

test('an origin is a scheme, a host and optionally a port', () => {
  for (const cors of [
    'https://a.example',
    'http://localhost:3000/',
    'chrome-extension://abcdef',
    '*',
    ['*', 'http://a'],
  ]) {
    createServer({}, { cors });
  }
  for (const cors of [
    'a.example',
    'https://a.example/page',
    'https://',
    '',
    'https://me@a.example',
    'https://a b',
  ]) {
    assert.throws(() => createServer({}, { cors }), { option: 'cors' }, cors);
  }
});
