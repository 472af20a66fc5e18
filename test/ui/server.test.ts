/** The server of the pages: who may ask, and what the answers are. Over real connections, because headers are what it is about. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { decodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { openPort } from '../../src/server/http/listen.node.ts';
import { train } from '../../src/train/train.node.ts';
import { decodeFrames } from '../../src/ui/curve-frames.ts';
import type { CurveFrame, EventsPage, RunChange, RunDetail } from '../../src/ui/protocol.ts';
import { Access } from '../../src/ui/server/access.ts';
import { createUiServer } from '../../src/ui/server/ui-server.node.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { finished, iteration, line, run, writeLog } from './logs.ts';

const TOKEN = 'ThisIsTheTokenOfTheTest.';
const folder = sharedFolder();
const runs = join(folder, 'runs');
const outside = join(folder, 'outside');
const pages = join(folder, 'pages');

writeLog(join(runs, 'a', 'lstm.log.jsonl'), run(100));
writeLog(join(runs, 'b', 'lstm.log.jsonl'), run(50) + line(finished(50)));
writeLog(join(runs, '<script>alert(1)</script>', 'x"y.log.jsonl'), run(10, { runId: '<img src=x>' }));
writeLog(join(runs, 'none', 'empty.log.jsonl'), '');
writeLog(join(outside, 'secret.log.jsonl'), run(7, { runId: 'secret' }));
symlinkSync(outside, join(runs, 'link'));
symlinkSync(join(outside, 'secret.log.jsonl'), join(runs, 'a', 'linked.log.jsonl'));
mkdirSync(pages);
writeFileSync(
  join(pages, 'index.html'),
  '<!doctype html><meta name="source" content="site" data-runs="runs-1.js plot-2.js"><meta name="kernels" content="0A1B2C3D"></head><p>pages',
);
writeFileSync(join(pages, 'main-ABCD1234.js'), 'export {}');
writeFileSync(join(pages, 'handler.js'), 'not a page');
writeFileSync(join(folder, 'secret.txt'), 'secret');
symlinkSync(join(folder, 'secret.txt'), join(pages, 'link-ABCD1234.js'));

const text = `${'the quick brown fox jumps over the lazy dog. '.repeat(60)}\n`;
for await (const _ of train({
  ...{ text, checkpointDir: join(runs, 'trained'), maxIterations: 4, evaluateEvery: 2 },
  ...{ batchSize: 4, sequenceLength: 8, hiddenSize: 4, layers: 1, engine: 'reference' },
}));

const port = await openPort({ port: 0 });
const number = Number(new URL(port.url).port);
const access = new Access(number, ['proxy.example.com', 'other.example.com:8443'], TOKEN);
const listening = port.serve(createUiServer({ folders: [runs], access, pages }));
after(() => listening.close(0));

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request as it is written here: no path is tidied. */
function ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const own = { host: `127.0.0.1:${number}`, ...headers };
    const sent = request(
      { host: '127.0.0.1', port: number, path, method, headers: own, agent: false },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const AUTHORIZATION = { authorization: `Bearer ${TOKEN}` };
const api = (path: string, { headers, ...more }: Asked = {}) =>
  ask(`/api/${path}`, { headers: { ...AUTHORIZATION, ...headers }, ...more });

async function json<T>(path: string): Promise<T> {
  const { status, body } = await api(path);
  assert.equal(status, 200, body.toString());
  return JSON.parse(body.toString());
}

async function idOf(name: string): Promise<string> {
  const { changed } = await json<RunChange>('runs');
  const found = changed.find((one) => one.name.endsWith(name));
  assert.ok(found, `no run ${name} among ${changed.map((one) => one.name)}`);
  return found.id;
}

async function curvesOf(body: object): Promise<CurveFrame[]> {
  const answer = await api('curves', {
    ...{ method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } },
  });
  assert.equal(answer.status, 200, answer.body.toString());
  const frames: CurveFrame[] = [];
  for await (const frame of decodeFrames([answer.body])) frames.push(frame);
  return frames;
}

test('only its own names are answered, in any spelling', async () => {
  const own = ['127.0.0.1', 'localhost', 'LocalHost', '[::1]'].map((name) => `${name}:${number}`);
  for (const host of [...own, 'proxy.example.com', 'PROXY.example.com:1234', 'other.example.com:8443'])
    for (const path of ['/', '/api/runs'])
      assert.equal((await ask(path, { headers: { host, ...AUTHORIZATION } })).status, 200, `${host}${path}`);
  const forged = [
    `evil.example.com:${number}`,
    '127.0.0.1',
    'localhost',
    `127.0.0.1:${number + 1}`,
    `127.0.0.1.evil.example.com:${number}`,
    `localhost.:${number}`,
    `evil.localhost:${number}`,
    `2130706433:${number}`,
    `0x7f.1:${number}`,
    `0.0.0.0:${number}`,
    `[::]:${number}`,
    `[::ffff:127.0.0.1]:${number}`,
    `user@127.0.0.1:${number}`,
    `127.0.0.1:${number}@evil.example.com`,
    `127.0.0.1:${number}, evil.example.com`,
    'other.example.com',
    'other.example.com:8444',
    'sub.proxy.example.com',
    'proxy.example.com.',
    '*',
  ];
  for (const host of forged)
    for (const path of ['/', '/main-ABCD1234.js', '/api/runs', '/kernels/strict-0A1B2C3D.wasm']) {
      const { status } = await ask(path, { headers: { host, ...AUTHORIZATION } });
      assert.equal(status, 421, `${host} ${path}`);
    }
});

test('requests without a host are refused, and so is what is not HTTP', async () => {
  const raw = (head: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(number, '127.0.0.1', () => socket.write(head));
      let answer = '';
      socket.setEncoding('utf8').on('data', (part: string) => {
        answer += part;
        socket.destroy();
      });
      socket.on('close', () => resolve(answer.split('\r\n')[0] ?? ''));
      socket.on('error', reject);
    });
  assert.match(await raw('GET / HTTP/1.0\r\n\r\n'), / 421 /);
  assert.match(await raw('GET / HTTP/1.1\r\nHost:\r\n\r\n'), / 421 /);
  assert.match(await raw('GET / HTTP/1.1\r\n\r\n'), / 400 /);
  assert.match(await raw(`GET http://127.0.0.1:${number}/ HTTP/1.1\r\nHost: evil\r\n\r\n`), / 421 /);
  assert.match(await raw('hello\r\n\r\n'), / 400 /);
});

test('requests from pages of other sites are refused', async () => {
  const own = `http://127.0.0.1:${number}`;
  const table: [Record<string, string>, number][] = [
    [{ origin: own }, 200],
    [{ origin: own, 'sec-fetch-site': 'same-origin' }, 200],
    [{ 'sec-fetch-site': 'none' }, 200],
    [{ host: 'proxy.example.com', origin: 'https://proxy.example.com' }, 200],
    [{ origin: 'null' }, 403],
    [{ origin: '' }, 403],
    [{ origin: `https://127.0.0.1:${number}` }, 403],
    [{ origin: `http://localhost:${number}` }, 403],
    [{ origin: 'http://127.0.0.1' }, 403],
    [{ origin: `http://127.0.0.1:${number + 1}` }, 403],
    [{ origin: `${own}.evil.example.com` }, 403],
    [{ origin: 'http://evil.example.com' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ origin: own, 'sec-fetch-site': 'cross-site' }, 403],
  ];
  for (const [headers, expected] of table)
    for (const path of ['/', '/api/runs']) {
      const { status } = await ask(path, { headers: { ...AUTHORIZATION, ...headers } });
      assert.equal(status, expected, `${JSON.stringify(headers)} ${path}`);
    }
});

test('data needs the token, files do not', async () => {
  const paths = [
    'runs',
    'stream',
    'curves',
    'runs/0123456789ab',
    'runs/0123456789ab/events',
    'checkpoints/0123456789ab',
  ];
  const forged = [
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN.toLowerCase()}`,
    `Basic ${TOKEN}`,
    TOKEN,
  ];
  for (const path of paths) {
    for (const authorization of forged)
      assert.equal(
        (await ask(`/api/${path}`, { headers: { authorization } })).status,
        401,
        `${path} ${authorization}`,
      );
    assert.equal((await ask(`/api/${path}?token=${TOKEN}`)).status, 401, path);
    assert.equal((await ask(`/api/${path}`, { headers: { cookie: `token=${TOKEN}` } })).status, 401, path);
  }
  assert.equal((await ask('/')).status, 200);
});

test('other methods, other paths and forged ids are refused, and nothing is ever sent from elsewhere', async () => {
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'POST'])
    for (const path of ['/', '/api/runs', '/api/checkpoints/0123456789ab'])
      assert.equal((await ask(path, { method, headers: AUTHORIZATION })).status, 405, `${method} ${path}`);
  assert.equal((await api('curves')).status, 405);
  const paths = [
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/....//secret.txt',
    '/..\\secret.txt',
    '//etc/passwd',
    '/etc/passwd',
    '/%',
    '/%00',
    '/index.html%00.js',
    '/kernels/../index.html/x',
    '/kernels/__proto__-0A1B2C3D.wasm',
    '/__proto__',
    '/constructor',
    '/handler.js',
    '/link-ABCD1234.js',
    'http://evil.example.com/',
    '/api/runs/../../secret.txt',
    '/api/runs/..%2f..%2fsecret',
    '/api/runs/__proto__',
    '/api/runs/0123456789ab/../../x',
    '/api/runs/0123456789AB',
    '/api/runs/0123456789ab',
    '/api/runs/0123456789ab/events',
    '/api/checkpoints/..%2f..%2f..%2fetc%2fpasswd',
    '/api/checkpoints/best.safetensors',
    '/api/checkpoints/0123456789ab',
    '/api/checkpoints/0123456789ab/x/y',
    '/api/',
    '/api/nothing',
  ];
  for (const path of paths) {
    const { status, body } = await ask(path, { headers: AUTHORIZATION });
    assert.equal(status, 404, `${path}: ${body}`);
    assert.doesNotMatch(body.toString(), /root:|secret/);
  }
});

test('every answer has the headers that protect it', async () => {
  const answers = [
    await ask('/'),
    await ask('/main-ABCD1234.js'),
    await ask('/nothing'),
    await ask('/', { headers: { host: 'evil' } }),
    await ask('/api/runs'),
    await api('runs'),
    await api('runs/0123456789ab'),
  ];
  for (const { headers } of answers) {
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval(?!')|\*/);
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
    assert.equal(headers['cross-origin-embedder-policy'], 'require-corp');
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['access-control-allow-origin'], undefined);
  }
  assert.match(String(answers[1]?.headers['cache-control']), /immutable/);
  assert.equal(answers[0]?.headers['cache-control'], 'no-cache');
  assert.equal(answers[5]?.headers['cache-control'], 'no-store');
});

test('the page says that its runs come from the server; kernels and the example model are there', async () => {
  // The page begins with Runs, whose files the browser can fetch at once.
  assert.equal(
    (await ask('/')).body.toString(),
    `<!doctype html><meta name="source" content="server"><meta name="kernels" content="0A1B2C3D"><link rel="modulepreload" href="runs-1.js">
<link rel="modulepreload" href="plot-2.js">
</head><p>pages`,
  );
  const kernel = await ask('/kernels/strict-0A1B2C3D.wasm');
  assert.equal(kernel.headers['content-type'], 'application/wasm');
  assert.ok(WebAssembly.validate(new Uint8Array(kernel.body)));
  assert.equal((await ask('/kernels/fused-shared-0A1B2C3D.wasm', { method: 'HEAD' })).body.length, 0);
  assert.ok((await ask('/models/moby-dick.safetensors')).body.length > 100_000);
});

test('the list has the runs of the folders, no others, and names as they are', async () => {
  const { changed, isComplete, isSearching, folders } = await json<RunChange>('runs');
  assert.deepEqual([isComplete, isSearching, folders], [true, false, [runs]]);
  const names = changed.map(({ name }) => name.slice(runs.length + 1)).sort();
  assert.deepEqual(names, ['<script>alert(1)</script>', 'a', 'b', 'trained']);
  const states = Object.fromEntries(changed.map(({ name, state }) => [name.slice(runs.length + 1), state]));
  assert.equal(states.a, 'broken-off');
  assert.equal(states.b, 'finished');
  assert.equal(states.trained, 'finished');
  assert.doesNotMatch(JSON.stringify(changed), /"secret"/);
});

test('curves come in bins, missing runs are said, and invalid requests name the field', async () => {
  const [a, b] = [await idOf('/a'), await idOf('/b')];
  const frames = await curvesOf({
    ids: [a, '0123456789ab', b],
    metrics: ['trainLoss', 'validationLoss'],
    bins: 10,
  });
  const shown = frames.map((frame) =>
    frame.type === 'curve' ? [frame.id, frame.metric, frame.width] : frame.type,
  );
  assert.deepEqual(shown, [
    [a, 'trainLoss', 16],
    [a, 'validationLoss', 16],
    'missing',
    [b, 'trainLoss', 8],
    [b, 'validationLoss', 8],
  ]);
  const invalid: [unknown, string][] = [
    [{}, 'ids'],
    [{ ids: [] }, 'ids'],
    [{ ids: [1] }, 'ids'],
    [{ ids: Array(1001).fill(a) }, 'ids'],
    [{ ids: [a], metrics: ['loss'] }, 'metrics'],
    [{ ids: [a], x: 'y' }, 'x'],
    [{ ids: [a], bins: 0 }, 'bins'],
    [{ ids: [a], bins: 1e9 }, 'bins'],
    [{ ids: [a], smoothing: 1 }, 'smoothing'],
    [{ ids: [a], from: 'x' }, 'from'],
  ];
  for (const [body, param] of invalid) {
    const headers = { 'content-type': 'application/json' };
    const answer = await api('curves', { method: 'POST', body: JSON.stringify(body), headers });
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.equal(JSON.parse(answer.body.toString()).error.param, param);
  }
  for (const [body, type, status] of [
    ['{', 'application/json', 400],
    [`{"ids": ["${'x'.repeat(70_000)}"]}`, 'application/json', 413],
    ['{}', 'text/plain', 415],
  ] as const)
    assert.equal(
      (await api('curves', { method: 'POST', body, headers: { 'content-type': type } })).status,
      status,
    );
});

test('events go on from a position', async () => {
  const id = await idOf('/a');
  const first = await json<EventsPage>(`runs/${id}/events`);
  assert.equal(first.events[0]?.type, 'started');
  assert.equal(first.events.length, 11);
  appendFileSync(
    join(runs, 'a', 'lstm.log.jsonl'),
    line({ type: 'sampled', iteration: 100, text: '</script>' }),
  );
  const next = await json<EventsPage>(`runs/${id}/events?after=${first.position}`);
  assert.deepEqual([next.isFromStart, next.events.map(({ type }) => type)], [false, ['sampled']]);
});

test('a checkpoint comes without its training state unless that is asked for, with an ETag', async () => {
  const id = await idOf('/trained');
  const { checkpoints, start, summary } = await json<RunDetail>(`runs/${id}`);
  assert.equal(start?.options.hiddenSize, 4);
  assert.equal(summary.checkpoints, checkpoints.length);
  assert.deepEqual(checkpoints.map(({ isBest }) => isBest).filter(Boolean), [true]);
  assert.equal(checkpoints.at(-1)?.isLast, true);
  const last = checkpoints.at(-1);
  const whole = await api(`checkpoints/${last?.id}?training=1`);
  const weights = await api(`checkpoints/${last?.id}`);
  assert.equal(whole.body.length, last?.size);
  assert.ok(weights.body.length < whole.body.length * 0.6);
  const [full, model] = [whole, weights].map(({ body }) => decodeCheckpoint(body, 'sent'));
  assert.equal(full?.training?.iteration, 4);
  assert.equal(model?.training, undefined);
  assert.deepEqual(model?.parameters, full?.parameters);
  assert.deepEqual(model?.vocabulary, full?.vocabulary);
  assert.equal(model?.notices, undefined);
  const again = await api(`checkpoints/${last?.id}`, {
    headers: { 'if-none-match': String(weights.headers.etag) },
  });
  assert.deepEqual([again.status, again.body.length], [304, 0]);
  assert.notEqual(whole.headers.etag, weights.headers.etag);
});

test('a checkpoint that the list of a run has can be read, although the search has not come to it yet', async () => {
  const id = await idOf('/trained');
  const before = await json<RunDetail>(`runs/${id}`);
  const at = join(runs, 'trained', 'lm_lstm_epoch9.00_1.0000.safetensors');
  copyFileSync(join(runs, 'trained', String(before.checkpoints.at(-1)?.name)), at);
  const { checkpoints } = await json<RunDetail>(`runs/${id}`);
  const added = checkpoints.find(({ name }) => name === 'lm_lstm_epoch9.00_1.0000.safetensors');
  assert.equal((await api(`checkpoints/${added?.id}`)).status, 200);
  rmSync(at);
  assert.equal((await api(`checkpoints/${added?.id}`)).status, 404);
});

test('a damaged checkpoint is a named error, and one that became a link is gone', async () => {
  const at = join(runs, 'b', 'lstm_epoch1.00_1.0000.safetensors');
  writeFileSync(at, 'this is no checkpoint');
  writeFileSync(join(outside, 'secret.safetensors'), 'secret');
  const { createHash } = await import('node:crypto');
  const id = createHash('sha256').update(at).digest('hex').slice(0, 12);
  const until = performance.now() + 30_000;
  let answer = await api(`checkpoints/${id}`);
  while (answer.status === 404 && performance.now() < until) {
    await api('runs');
    answer = await api(`checkpoints/${id}`);
  }
  assert.equal(answer.status, 422, answer.body.toString());
  rmSync(at);
  symlinkSync(join(outside, 'secret.safetensors'), at);
  assert.equal((await api(`checkpoints/${id}?training=1`)).status, 404);
});

/** Reads server-sent events until one fulfils a condition. */
async function changesUntil(
  isLast: (change: RunChange) => boolean,
  headers: Readonly<Record<string, string>> = {},
  onFirst: () => void = () => {},
): Promise<RunChange[]> {
  const changes: RunChange[] = [];
  await new Promise<void>((resolve, reject) => {
    const own = { host: `127.0.0.1:${number}`, ...AUTHORIZATION, ...headers };
    const sent = request(
      { host: '127.0.0.1', port: number, path: '/api/stream', headers: own, agent: false },
      (answer) => {
        let rest = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          const blocks = (rest + part).split('\n\n');
          rest = blocks.pop() ?? '';
          for (const block of blocks) {
            const data = block.split('\n').find((one) => one.startsWith('data: '));
            if (!data) continue;
            changes.push(JSON.parse(data.slice(6)));
            if (changes.length === 1) onFirst();
            if (!isLast(changes.at(-1) as RunChange)) continue;
            resolve();
            sent.destroy();
            return;
          }
        });
      },
    );
    sent.on('error', reject);
    sent.end();
  });
  return changes;
}

test('the stream has the runs, then what changes, and goes on from a position', async () => {
  const id = await idOf('/a');
  const log = join(runs, 'a', 'lstm.log.jsonl');
  const changes = await changesUntil(
    ({ changed }) => changed.some((one) => one.id === id && one.iteration === 101),
    {},
    () => appendFileSync(log, line(iteration(101), 200)),
  );
  assert.equal(changes[0]?.isComplete, true);
  assert.equal(changes.at(-1)?.isComplete, false);
  const position = changes.at(-1)?.position ?? '';
  const moved = join(runs, 'b', 'moved.log.jsonl');
  const next = await changesUntil(
    ({ removed }) => removed.includes(id),
    { 'last-event-id': position },
    () => renameSync(log, moved),
  );
  assert.equal(next[0]?.isComplete, false);
  const unknown = await changesUntil(() => true, { 'last-event-id': 'elsewhere.7' });
  assert.equal(unknown[0]?.isComplete, true);
  renameSync(moved, log);
});

test('a thousand readers that go away leave nothing behind', async () => {
  const open = Array.from({ length: 1000 }, async () => {
    await changesUntil(() => true);
  });
  await Promise.all(open);
  const { status } = await api('runs');
  assert.equal(status, 200);
});
