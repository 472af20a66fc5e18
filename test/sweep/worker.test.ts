/** A worker when things go wrong: the database is away, another worker has its job, the process of a trial crashes. */
import assert from 'node:assert/strict';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SweepError } from '../../src/errors.ts';
import { despiteOutages } from '../../src/sweep/despite-outages.node.ts';
import type { SweepEvent } from '../../src/sweep/events.ts';
import { MAX_FAILURES, type SweepStore, type TrialPlan } from '../../src/sweep/store.ts';
import { createSweep, openSweep, trialFolder } from '../../src/sweep/sweep-folder.node.ts';
import { work } from '../../src/sweep/worker.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { SWEEP } from './store-contract.ts';

const STAND_IN = fileURLToPath(new URL('../soak/sweep-trial.mjs', import.meta.url));
const trials: TrialPlan[] = [1, 2].map((number) => ({
  ...{ number, parameters: { learningRate: number / 1000 }, evaluateEvery: 3, rungs: [3] },
}));

async function setUp(context: TestContext) {
  const folder = join(temporaryFolder(context), 'sweep');
  const store = await createSweep(folder, SWEEP, { text: SWEEP.text, trials });
  context.after(() => store.close());
  const events: SweepEvent[] = [];
  const run = (input: { store?: SweepStore; script?: string; signal?: AbortSignal } = {}) =>
    work({
      ...{ store, folder, workers: 2, script: STAND_IN, signal: new AbortController().signal, ...input },
      onEvent: (event) => events.push(event),
    });
  return { folder, store, events, run };
}

test('a database that is away for a while: no result is lost', async (context) => {
  const { store, events, run } = await setUp(context);
  const away = new Error('the disk is full');
  const left = new Map([
    ['claim', 1],
    ['finish', 2],
    ['report', 3],
  ]);
  const failing = new Proxy(store, {
    get(target, key: keyof SweepStore) {
      if (key === 'isOutage') return (error: unknown) => error === away;
      const method = target[key] as (...words: unknown[]) => Promise<unknown>;
      return async (...words: unknown[]) => {
        const count = left.get(key) ?? 0;
        left.set(key, count - 1);
        if (count > 0) throw away;
        return method.apply(target, words);
      };
    },
  });
  assert.equal(await run({ store: failing }), 'completed');
  assert.deepEqual(
    (await store.trials()).map(({ state }) => state),
    ['done', 'done'],
  );
  assert.equal(events.filter(({ type }) => type === 'ended').length, 2);
  assert.equal((await store.evaluations(1)).length, 1);
  // Once for the result that could not be stored. The next attempt to claim a job succeeded.
  assert.deepEqual(
    events.flatMap((event) => (event.type === 'waiting' ? [event.message] : [])),
    [
      "the state of the sweep can't be stored: the disk is full. All results so far are kept; the sweep waits up to ten minutes, then it ends.",
    ],
  );
});

test('a database that stays away: the error names the file and the reason, and continues the sweep', async (context) => {
  const { store, folder } = await setUp(context);
  const failing = (errcode: number) => {
    const signal = AbortSignal.abort();
    return despiteOutages({ store, folder, signal }, async () => {
      throw Object.assign(new Error('SQLite says something'), { code: 'ERR_SQLITE_ERROR', errcode });
    });
  };
  const remedies = [
    { text: 'Once that is solved, continue the sweep', command: ['sweep', 'resume', basename(folder)] },
  ];
  const file = join(folder, 'sweep.sqlite');
  // FULL, and IOERR_SHMSIZE, which is what a full disk gives to a new write-ahead log.
  for (const [errcode, reason] of [
    [13, 'the disk is full'],
    [4874, 'the disk is full or has failed'],
  ] as const) {
    const problem = `${file} can't be written: ${reason}. All results that were stored before are kept.`;
    await assert.rejects(failing(errcode), { code: 'sweep-database', problem, remedies });
  }
  // CORRUPT does not pass.
  await assert.rejects(failing(11), /SQLite says something/);
});

test('any other error of the store ends the work', async (context) => {
  const { store, run } = await setUp(context);
  const claim = context.mock.method(store, 'claim', async () => {
    throw new TypeError('a bug');
  });
  await assert.rejects(run(), TypeError);
  assert.equal(claim.mock.callCount(), 2);
});

test('an error of the store in one lane stops the jobs of the others, and the work ends after them', async (context) => {
  const { store, events, run, folder } = await setUp(context);
  const script = join(folder, 'until-stopped.mjs');
  const mark = join(folder, 'stopped');
  writeFileSync(
    script,
    `import { writeFileSync } from 'node:fs';
process.on('disconnect', () => process.exit(1));
process.on('message', ({ type }) => {
  if (type !== 'stop') return;
  writeFileSync(${JSON.stringify(mark)}, '');
  process.exit(1);
});`,
  );
  const claim = store.claim.bind(store);
  let claims = 0;
  context.mock.method(store, 'claim', async (worker: string) => {
    if (claims++ > 0) throw new TypeError('a bug');
    return claim(worker);
  });
  await assert.rejects(run({ script }), TypeError);
  assert.ok(existsSync(mark));
  assert.deepEqual(
    events.map(({ type }) => type),
    ['running', 'put-back'],
  );
});

test('a worker whose job another one has taken over kills its process and stores nothing', async (context) => {
  const { store, events, run, folder } = await setUp(context);
  context.mock.method(store, 'heartbeat', async () => 'lost');
  const script = join(folder, 'forever.mjs');
  const mark = join(folder, 'ended');
  writeFileSync(
    script,
    `import { writeFileSync } from 'node:fs';
process.on('message', () => setTimeout(() => writeFileSync(${JSON.stringify(mark)}, ''), 20_000));`,
  );
  const stop = new AbortController();
  const working = run({ script, signal: stop.signal });
  while (events.filter(({ type }) => type === 'taken-over').length < 2)
    await new Promise((resolve) => setTimeout(resolve, 100));
  stop.abort();
  assert.equal(await working, 'interrupted');
  assert.ok(!existsSync(mark));
  assert.ok(!events.some(({ type }) => type === 'ended'));
});

test('a sweep that is deleted while a worker trains is an error, and nobody has taken over its trials', async (context) => {
  const { store, events, run, folder } = await setUp(context);
  context.mock.method(store, 'heartbeat', async () => 'lost');
  const record = store.record.bind(store);
  let isDeleted = false;
  context.mock.method(store, 'record', async () => {
    if (isDeleted) throw new SweepError('sweep-missing', 'the sweep was deleted');
    isDeleted = true;
    return record();
  });
  const script = join(folder, 'forever.mjs');
  writeFileSync(script, "process.on('message', () => {});");
  await assert.rejects(run({ script }), { code: 'sweep-missing' });
  assert.deepEqual([...new Set(events.map(({ type }) => type))], ['running']);
});

test('a folder that is deleted, moved or replaced while a worker trains is an error, and nothing more is written', async (context) => {
  const outside = temporaryFolder(context);
  const script = join(outside, 'forever.mjs');
  writeFileSync(script, "process.on('message', () => {}); process.on('disconnect', () => process.exit(1));");
  const other = join(outside, 'other');
  await (await createSweep(other, SWEEP, { text: SWEEP.text, trials })).close();
  const ways: ((folder: string) => void)[] = [
    (folder) => rmSync(folder, { recursive: true }),
    (folder) => renameSync(folder, join(outside, 'moved')),
    (folder) => {
      rmSync(folder, { recursive: true });
      renameSync(other, folder);
    },
  ];
  for (const way of ways) {
    const { events, run, folder } = await setUp(context);
    const working = run({ script });
    while (events.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    way(folder);
    const problem = `${join(folder, 'sweep.sqlite')} is gone: the sweep was deleted or moved while it was in use.`;
    await assert.rejects(working, { code: 'sweep-missing', problem });
    assert.ok(events.every(({ type }) => type === 'running'));
    assert.ok(!existsSync(trialFolder(folder, 1)));
  }
  const moved = await openSweep(join(outside, 'moved'));
  context.after(() => moved.close());
  assert.equal((await moved.trials()).length, 2);
});

test('a result that arrives after the folder was deleted is an error', async (context) => {
  const { store, folder } = await setUp(context);
  const claim = await store.claim('a worker');
  assert.ok(claim);
  rmSync(folder, { recursive: true });
  const failure = { state: 'failed', message: 'it failed' } as const;
  for (const call of [
    store.finish(claim, failure),
    store.release(claim),
    store.claim('another'),
    store.record(),
  ])
    await assert.rejects(call, { code: 'sweep-missing' });
});

test('a stopped trial is put back, with the iteration from which it continues', async (context) => {
  const { store, events, run, folder } = await setUp(context);
  const script = join(folder, 'stopped.mjs');
  writeFileSync(
    script,
    `let savedAt;
process.on('disconnect', () => process.exit(1));
process.on('message', ({ type, task }) => {
  if (type === 'task') savedAt = task.runId.endsWith('-1') ? 40 : undefined;
  else process.send({ type: 'result', result: { state: 'stopped', savedAt } }, () => process.exit());
});`,
  );
  const stop = new AbortController();
  const working = run({ script, signal: stop.signal });
  while (events.filter(({ type }) => type === 'running').length < 2)
    await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort();
  assert.equal(await working, 'interrupted');
  const putBack = events.flatMap((event) =>
    event.type === 'put-back' ? [`${event.trial}: ${event.message}`] : [],
  );
  assert.deepEqual(putBack.sort(), [
    '1: it was stopped, and continues from iteration 40.',
    '2: it was stopped before it had a state to save, and will start again.',
  ]);
  assert.ok((await store.counts()).every(({ state }) => state === 'queued'));
});

test('a trial whose process crashes again and again has failed, with what it printed', async (context) => {
  const { store, events, run, folder } = await setUp(context);
  const script = join(folder, 'crash.mjs');
  writeFileSync(
    script,
    "process.on('message', () => { console.error('no more memory'); process.exit(134); });",
  );
  assert.equal(await run({ script }), 'completed');
  const all = await store.trials();
  assert.deepEqual(
    all.map(({ state }) => state),
    ['failed', 'failed'],
  );
  assert.equal(all[0]?.message, 'its process ended with exit code 134:\nno more memory');
  assert.equal(events.filter(({ type }) => type === 'running').length, 2 * MAX_FAILURES);
  assert.equal(events.filter(({ type }) => type === 'put-back').length, 2 * (MAX_FAILURES - 1));
  const ended = events.flatMap((event) => (event.type === 'ended' ? [[event.trial, event.state]] : []));
  assert.deepEqual(ended.sort(), [
    [1, 'failed'],
    [2, 'failed'],
  ]);
  assert.deepEqual(await store.best(1), []);
});

test('a text that is gone stops all trials, and none has failed', async (context) => {
  const { store, run, folder } = await setUp(context);
  const script = join(folder, 'no-text.mjs');
  const result = { state: 'no-text', message: 'book.txt is gone.' };
  writeFileSync(
    script,
    `process.on('message', ({ type }) => {
  if (type === 'task') process.send({ type: 'result', result: ${JSON.stringify(result)} }, () => process.exit());
});`,
  );
  await assert.rejects(run({ script }), { code: 'sweep-other-text', message: 'book.txt is gone.' });
  assert.ok((await store.counts()).every(({ state }) => state === 'queued'));
  assert.equal(trialFolder('sweeps/book', 7), join('sweeps/book', 'trials', '0007'));
});
