/** Slow, cut off, incomplete and malformed requests; and how a server shuts down. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { ListenError } from '../../src/errors.ts';
import { listen, openPort } from '../../src/server/http/listen.node.ts';
import { createServer } from '../../src/server/server.ts';
import { madeModel, serveModel, waitForMetric } from './test-server.ts';

const COMPLETIONS = '/v1/completions';

/** Takes a second, even on a fast machine. */
const LONG = { max_tokens: 100_000, logprobs: 5 };
const SEQUENCES = (count: number) => `char_rnn_sequences{model="tiny"} ${count}`;

/** Sends bytes to the server and reads until it closes the connection. */
function raw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setEncoding('latin1').on('data', (piece: string) => {
      answer += piece;
    });
    socket.on('end', () => {
      socket.destroy();
      resolve(answer);
    });
    socket.on('error', reject);
  });
}

test('a request that is cut off ends immediately, streamed or not', async (context) => {
  const { url, post } = await serveModel(context);
  for (const stream of [false, true]) {
    const aborter = new AbortController();
    const response = post(COMPLETIONS, { max_tokens: 100_000, n: 100, stream }, { signal: aborter.signal });
    response.then((answer) => answer.text()).catch(() => {});
    await waitForMetric(url, SEQUENCES(100));
    aborter.abort();
    await waitForMetric(url, SEQUENCES(0));
  }
});

test('a stream that nobody reads pauses, and continues when it is read', async (context) => {
  const { url, post, model, ask } = await serveModel(context);
  // With log-probabilities, so that it is more than the sockets' buffers hold.
  const given = { max_tokens: 40_000, seed: 1, logprobs: 5 };
  const response = await post(COMPLETIONS, { ...given, stream: true });
  // A later request of the same length has ended. Without a pause, the first would have ended too.
  await ask(COMPLETIONS, { ...given, logprobs: 0 });
  await waitForMetric(url, SEQUENCES(1));
  const events = await response.text();
  const text = [...events.matchAll(/^data: (\{.*\})$/gm)]
    .map(([, json]) => JSON.parse(json as string).choices[0].text)
    .join('');
  assert.deepEqual([text], await model.generateAll({ prompts: [''], length: 40_000, seed: 1 }));
  await waitForMetric(url, SEQUENCES(0));
});

test('the limit on waiting requests', async (context) => {
  const { post, url } = await serveModel(context, { maxSequences: 1, maxQueue: 1 });
  const leave = new AbortController();
  const text = async (body: object) =>
    (await post(COMPLETIONS, { ...LONG, ...body }, { signal: leave.signal })).text();
  const ended = [assert.rejects(text({}))];
  await waitForMetric(url, SEQUENCES(1));
  ended.push(assert.rejects(text({ stream: true })));
  await waitForMetric(url, 'char_rnn_waiting_requests{model="tiny"} 1');
  const beyond = await post(COMPLETIONS, LONG);
  assert.equal(beyond.status, 429);
  assert.equal(beyond.headers.get('retry-after'), '1');
  assert.equal((await beyond.json()).error.type, 'rate_limit_error');
  leave.abort();
  await Promise.all(ended);
});

test('the limit on time, for a request that runs and for one that waits', async (context) => {
  const { post } = await serveModel(context, { timeout: 0.3, maxSequences: 1, maxQueue: 1 });
  const first = post(COMPLETIONS, LONG);
  const streamed = post(COMPLETIONS, { ...LONG, stream: true });
  const late = await first;
  assert.equal(late.status, 503);
  assert.equal((await late.json()).error.code, 'timeout');
  const events = await (await streamed).text();
  assert.match(
    events,
    /^data: \{"error":\{"message":".*","type":"server_error","param":null,"code":"timeout"\}\}$/m,
  );
  assert.doesNotMatch(events, /DONE/);
});

test('if no request may wait, those that find a free slot are accepted', async (context) => {
  const { post, url, ask } = await serveModel(context, { maxSequences: 2, maxQueue: 0 });
  await Promise.all([ask(COMPLETIONS, {}), ask(COMPLETIONS, {})]);
  const leave = new AbortController();
  const running = post(COMPLETIONS, { max_tokens: 100_000, logprobs: 5 }, { signal: leave.signal });
  await waitForMetric(url, SEQUENCES(1));
  assert.equal((await post(COMPLETIONS, { n: 2 })).status, 429);
  assert.equal((await post(COMPLETIONS, {})).status, 200);
  leave.abort();
  await assert.rejects(running);
});

test('times that are too long for timers are rejected, or cut to the maximum', async (context) => {
  assert.throws(() => createServer({}, { timeout: 3e6 }), { code: 'option', option: 'timeout' });
  assert.throws(() => createServer({}, { bodyTimeout: 3e6 }), { code: 'option', option: 'bodyTimeout' });
  const { listening, url, ask } = await serveModel(context, { bodyTimeout: 9.123_456 });
  const running = ask(COMPLETIONS, { max_tokens: 3000, logprobs: 5 });
  await waitForMetric(url, SEQUENCES(1));
  assert.equal(await listening.close(1e9), 0);
  assert.equal((await running).usage.completion_tokens, 3000);
});

test('the server does not wait for a body that does not come', async (context) => {
  const { url } = await serveModel(context, { bodyTimeout: 0.2 });
  const head = `POST ${COMPLETIONS} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;
  const answer = await raw(url, `${head}content-length: 100\r\n\r\n{"prompt"`);
  assert.match(answer, /^HTTP\/1\.1 408 /);
  assert.match(answer, /"code":"request_timeout"/);
});

test('malformed HTTP gets an error in the same form', async (context) => {
  const { url } = await serveModel(context);
  const head = `POST ${COMPLETIONS} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;
  const cases: [string, number, string][] = [
    ['rubbish\r\n\r\n', 400, 'malformed_request'],
    [`GET /health HTTP/1.1\r\nhost: x\r\nlong: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    [`${head}transfer-encoding: chunked\r\n\r\nno chunk\r\n`, 400, 'malformed_request'],
    [`TRACE /nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`, 404, 'not_found'],
    [`GET http://other.example/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`, 404, 'not_found'],
    [`GET //nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`, 404, 'not_found'],
  ];
  for (const [bytes, status, code] of cases) {
    const answer = await raw(url, bytes);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), bytes.slice(0, 40));
    assert.equal(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))).error.code, code);
  }
  assert.equal((await fetch(`${url}/health`)).status, 200);
});

test('a connection can be used again after a body was refused', async (context) => {
  const { url } = await serveModel(context, { maxBody: 10 });
  const head = `POST ${COMPLETIONS} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;
  const answer = await raw(
    url,
    `${head}content-length: 50000\r\n\r\n${' '.repeat(50_000)}GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
  );
  assert.deepEqual(
    [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['413', '200'],
  );
});

test('a server that shuts down finishes running requests, and accepts no new ones', async (context) => {
  const { listening, post, url, ask } = await serveModel(context);
  const running = ask(COMPLETIONS, { max_tokens: 3000, logprobs: 5, seed: 1 });
  await waitForMetric(url, SEQUENCES(1));
  const waiting = fetch(`${url}/health`);
  assert.equal((await waiting).status, 200);
  const closed = listening.close(60);
  await assert.rejects(post(COMPLETIONS, {}));
  assert.equal((await running).usage.completion_tokens, 3000);
  assert.equal(await closed, 0);
});

test('requests that have not finished by then are ended with an error', async (context) => {
  const { listening, post, url } = await serveModel(context);
  const whole = post(COMPLETIONS, { max_tokens: 100_000, logprobs: 5 });
  const streamed = await post(COMPLETIONS, { max_tokens: 100_000, logprobs: 5, stream: true });
  const events = streamed.text();
  await waitForMetric(url, SEQUENCES(2));
  assert.equal(await listening.close(0.05), 2);
  assert.equal((await whole).status, 503);
  assert.match(await events, /"code":"shutting_down"/);
});

test('a model is replaced: running requests finish with the old one', async (context) => {
  const { server, model, ask, url } = await serveModel(context);
  const other = madeModel({ iteration: 8 });
  context.after(() => other.close());
  const given = { max_tokens: 4000, seed: 1 };
  const before = ask(COMPLETIONS, { ...given, logprobs: 0 });
  await waitForMetric(url, SEQUENCES(1));
  const replaced = server.replace('tiny', other);
  const after = await ask(COMPLETIONS, given);
  await replaced;
  const text = async (from: typeof model) =>
    (await from.generateAll({ prompts: [''], length: 4000, seed: 1 }))[0];
  assert.equal((await before).choices[0].text, await text(model));
  assert.equal(after.choices[0].text, await text(other));
  assert.notEqual(await text(model), await text(other));
});

test('a port without models answers 503, and serves when they are loaded', async (context) => {
  const port = await openPort({ port: 0 });
  const loading = await fetch(`${port.url}/health`);
  assert.equal(loading.status, 503);
  assert.equal(loading.headers.get('retry-after'), '1');
  assert.equal((await loading.json()).error.code, 'loading');
  const model = madeModel();
  const listening = port.serve(createServer({ tiny: model }));
  context.after(async () => {
    await listening.close(0);
    await model.close();
  });
  assert.equal((await fetch(`${port.url}/health`)).status, 200);
});

test('a server that can not listen says why, with a remedy', async (context) => {
  const { url } = await serveModel(context);
  const server = createServer({});
  const taken = Number(new URL(url).port);
  const cases: [Parameters<typeof listen>[1], RegExp, string][] = [
    [{ port: taken }, /another program already uses this port \(EADDRINUSE\)/, 'port'],
    [{ port: 0, host: '192.0.2.1' }, /this machine does not have that address \(EADDRNOTAVAIL\)/, 'host'],
    [
      { port: 0, host: 'no.invalid' },
      /can't listen on no\.invalid, port 0: (there is no host|EAI_AGAIN)/,
      'host',
    ],
  ];
  for (const [settings, problem, option] of cases) {
    await assert.rejects(listen(server, settings), (error: ListenError) => {
      assert.ok(error instanceof ListenError);
      assert.equal(error.code, 'listen');
      assert.match(error.problem, problem);
      assert.deepEqual(Object.keys(error.remedies[0]?.set ?? {}), [option]);
      return true;
    });
  }
});
