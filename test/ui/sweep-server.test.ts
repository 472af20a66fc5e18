/** What the server says about sweeps: the list, the trials, and nothing outside the folders that were given. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SweepDetail, SweepList, SweepSummary } from '../../src/ui/protocol.ts';
import { sharedFolder } from '../temporary-folder.ts';
import { askApi, makeServer } from './handler.ts';
import { run, writeLog } from './logs.ts';
import { beat, makeSweep } from './sweeps.ts';

const folder = sharedFolder();
const [given, outside] = [join(folder, 'given'), join(folder, 'outside')];
const full = join(given, 'full');

await (await makeSweep(full, { exploding: [2] })).close();
writeLog(join(full, 'trials', '0003', 'attempt-1', 'trial.log.jsonl'), run(20));
const live = await makeSweep(join(given, 'live'), { jobs: 4, name: 'live' });
await (await makeSweep(outside, { name: 'secret' })).close();
symlinkSync(outside, join(given, 'link'));
mkdirSync(join(given, 'linked-file'));
symlinkSync(join(outside, 'sweep.sqlite'), join(given, 'linked-file', 'sweep.sqlite'));
mkdirSync(join(given, 'broken'));
writeFileSync(join(given, 'broken', 'sweep.sqlite'), 'not a database '.repeat(100));
// Other programs have files of this name. Their folders are no sweeps.
mkdirSync(join(given, 'config'));
writeFileSync(join(given, 'config', 'database.json'), '{"dev":{"driver":"pg"}}');

// A folder from elsewhere, which names a server that records connections.
let connections = 0;
const recorder = createServer((socket) => {
  connections++;
  socket.destroy();
});
await new Promise<void>((resolve) => recorder.listen(0, '127.0.0.1', resolve));
const { port } = recorder.address() as AddressInfo;
mkdirSync(join(given, 'foreign'));
writeFileSync(
  join(given, 'foreign', 'database.json'),
  JSON.stringify({ url: `postgres://u:secret@127.0.0.1:${port}/d`, name: 'foreign', id: 'x' }),
);

const server = makeServer({ folders: [given] });
// Without a connection, nothing else keeps the process alive while a thread reads.
const alive = setInterval(() => {}, 1000);
after(async () => {
  clearInterval(alive);
  await server.close();
  await live.close();
  recorder.close();
});

function ask(path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  return askApi(server, path, headers, method);
}

async function summaries(): Promise<Readonly<Record<string, SweepSummary>>> {
  const { sweeps }: SweepList = await (await ask('sweeps')).json();
  return Object.fromEntries(sweeps.map((one) => [one.name, one]));
}

async function idOf(name: string): Promise<string> {
  const found = (await summaries())[name];
  assert.ok(found);
  return found.id;
}

test('the list has the sweeps in the folders, how far they are, and why one can’t be read; links lead nowhere', async () => {
  await summaries();
  await beat(join(given, 'live'));
  const found = await summaries();
  assert.deepEqual(Object.keys(found).sort(), ['book', 'broken', 'foreign', 'live']);
  const { book, broken, live: running } = found;
  assert.deepEqual(
    [book?.state, book?.trials, book?.folder, book?.problem],
    ['finished', 18, join(given, 'full'), null],
  );
  assert.deepEqual(
    book?.jobs.map(({ rung, state, count }) => `${rung} ${state} ${count}`),
    ['1 done 17', '1 exploded 1', '2 done 6', '3 done 2'],
  );
  assert.deepEqual([running?.state, running?.best?.standardError], ['running', 0.01]);
  assert.equal(broken?.state, 'unreadable');
  assert.match(String(broken?.problem), /can't be used: .*not a database/);
});

test('a folder can’t make the server connect to the database that it names', async () => {
  const { foreign } = await summaries();
  assert.equal(foreign?.state, 'unreadable');
  assert.equal(
    foreign?.problem,
    `its state is in the database postgres://u:***@127.0.0.1:${port}/d, to which char-rnn ui connects only if it is started with that database.`,
  );
  const detail: SweepDetail = await (await ask(`sweeps/${foreign?.id}`)).json();
  assert.equal(detail.summary.state, 'unreadable');
  assert.equal(connections, 0);
});

test('a sweep has its trials with their jobs, losses and runs', async () => {
  const detail: SweepDetail = await (await ask(`sweeps/${await idOf('book')}`)).json();
  assert.deepEqual([detail.rungs, detail.eta, detail.method, detail.trials.length], [3, 3, 'random', 18]);
  assert.deepEqual(
    detail.parameters.map(({ name, isNumber, isLogarithmic }) => [name, isNumber, isLogarithmic]),
    [
      ['hiddenSize', true, false],
      ['cell', false, false],
      ['learningRate', true, true],
      ['dropout', true, false],
    ],
  );
  const best = detail.trials.find(({ number }) => number === detail.summary.best?.trial);
  assert.deepEqual(
    best?.jobs.map(({ state, end }) => [state, end]),
    [
      ['done', 20],
      ['done', 60],
      ['done', 180],
    ],
  );
  assert.equal(best?.evaluations.at(-1)?.[0], 180);
  assert.deepEqual(best?.jobs.at(-1)?.loss, detail.summary.best?.loss);
  assert.equal(detail.trials[1]?.jobs[0]?.state, 'exploded');
  const [runOfThird] = detail.trials.filter(({ run: id }) => id !== null);
  assert.equal(runOfThird?.number, 3);
  assert.equal((await ask(`runs/${runOfThird?.run}`)).status, 200);
});

test('a sweep that has not changed is not sent again; after a new result it is', async () => {
  const id = await idOf('live');
  await beat(join(given, 'live'));
  const first = await ask(`sweeps/${id}`);
  const etag = String(first.headers.get('etag'));
  assert.equal((await ask(`sweeps/${id}`, { 'if-none-match': etag })).status, 304);
  const [running] = (await live.running()).map(({ trial }) => trial);
  const claim = await live.claim('w');
  assert.ok(claim && running !== undefined);
  await live.report(claim, { iteration: 10, epoch: 0.1, loss: 3, standardError: undefined });
  const second = await ask(`sweeps/${id}`, { 'if-none-match': etag });
  assert.equal(second.status, 200);
  const { trials }: SweepDetail = await second.json();
  assert.deepEqual(trials[claim.trial.number - 1]?.evaluations, [[10, 3]]);
  assert.deepEqual(
    [
      trials[running - 1]?.jobs[0]?.iteration,
      trials[running - 1]?.jobs[0]?.rest,
      trials[running - 1]?.jobs[0]?.machine,
    ],
    [7, 20_000, 'secret-host'],
  );
});

test('an unknown sweep, a path and another method are refused, and without the token everything is', async () => {
  assert.equal((await ask('sweeps/0123456789ab')).status, 404);
  for (const id of ['..', '%2e%2e', '../outside', 'full', '%00', 'ABCDEF012345'])
    assert.equal((await ask(`sweeps/${id}`)).status, 404, id);
  for (const path of ['sweeps', `sweeps/${await idOf('book')}`]) {
    assert.equal((await ask(path, {}, 'POST')).status, 405);
    assert.equal((await ask(path, { authorization: '' })).status, 401);
    assert.equal((await ask(path, { host: 'evil.example.com:80' })).status, 421);
  }
});

test('nothing in the folder of a sweep changes', async () => {
  const look = () => readdirSync(full).map((name) => [name, statSync(join(full, name)).mtimeMs]);
  const before = look();
  await ask('sweeps');
  await ask(`sweeps/${await idOf('book')}`);
  assert.deepEqual(look(), before);
});
