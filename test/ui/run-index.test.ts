/** Which runs there are, and whether they run. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FolderLock } from '../../src/checkpoint/storage/folder-lock.node.ts';
import { STATE } from '../../src/sweep/sweep-folder.node.ts';
import { idOf } from '../../src/ui/index/indexed-run.node.ts';
import { RunIndex } from '../../src/ui/index/run-index.node.ts';
import type { RunSummary } from '../../src/ui/protocol.ts';
import { temporaryFolder, workIn } from '../temporary-folder.ts';
import { evaluated, finished, iteration, line, run, started, writeLog } from './logs.ts';

/** Polls as the server does, at times that the test chooses. */
class Poller {
  readonly index: RunIndex;
  readonly runs = new Map<string, RunSummary>();
  notices: readonly string[] = [];
  #now = Date.now();

  constructor(folders: readonly string[]) {
    this.index = new RunIndex(folders);
  }

  /** Until nothing is left to read. @param seconds that have passed */
  async poll(seconds = 0): Promise<RunSummary[]> {
    this.#now += seconds * 1000;
    for (;;) {
      const { changed, removed, isSearching, notices } = await this.index.poll(this.#now);
      for (const one of changed) this.runs.set(one.name, one);
      for (const id of removed)
        for (const [name, one] of this.runs) if (one.id === id) this.runs.delete(name);
      this.notices = notices;
      if (!isSearching) return [...this.runs.values()];
    }
  }
}

const logIn = (context: TestContext, content: string) => {
  const folder = temporaryFolder(context);
  return { folder, path: writeLog(join(folder, 'lstm.log.jsonl'), content) };
};

test('a run is running while a living process holds its folder, and no longer', async (context) => {
  const { folder, path } = logIn(context, run(20));
  const poller = new Poller([folder]);
  assert.deepEqual(
    (await poller.poll()).map(({ state }) => state),
    ['broken-off'],
  );
  const lock = await FolderLock.acquire(folder);
  writeLog(
    path,
    run(30) + line({ type: 'timed', restMilliseconds: 60_000, milliseconds: 1, epochMilliseconds: 1 }),
  );
  const [running] = await poller.poll(1);
  assert.equal(running?.state, 'running');
  assert.equal(running?.iteration, 30);
  assert.ok((running?.rest ?? -1) >= 0);
  lock.release();
  assert.deepEqual(
    (await poller.poll(1)).map(({ state, rest }) => [state, rest]),
    [['broken-off', null]],
  );
  writeLog(path, run(30) + line(finished(30)));
  assert.deepEqual(
    (await poller.poll(1)).map(({ state, reason }) => [state, reason]),
    [['finished', 'completed']],
  );
});

test('a trial of a sweep names the sweep, and other runs none', async (context) => {
  const folder = temporaryFolder(context);
  writeLog(join(folder, 'other', 'lstm.log.jsonl'), run(3));
  const sweep = join(folder, 'sizes');
  writeLog(join(sweep, 'trials', '1', 'lstm.log.jsonl'), run(3));
  writeFileSync(join(sweep, STATE), '');
  const found = await new Poller([folder]).poll();
  assert.deepEqual(Object.fromEntries(found.map((one) => [one.name.slice(folder.length), one.sweep])), {
    '/other': null,
    '/sizes/trials/1': idOf(sweep),
  });
});

test('the lock of a dead process does not count, and is left where it is', async (context) => {
  const { folder } = logIn(context, run(20));
  const lock = join(folder, '.training-0123456789ab.lock');
  writeFileSync(
    lock,
    JSON.stringify({ ...{ host: 'here', pid: 1 }, bootId: 'another', since: '2026-11-01' }),
  );
  const [other] = await new Poller([folder]).poll();
  // On another machine, a log that was written just now may still grow.
  assert.equal(other?.state, 'running');
  const { hostname } = await import('node:os');
  writeFileSync(lock, JSON.stringify({ host: hostname(), pid: 2 ** 22 + 1, since: '2026-11-01' }));
  const [dead] = await new Poller([folder]).poll();
  assert.equal(dead?.state, 'broken-off');
  rmSync(lock);
});

test('of several runs in a locked folder, the one that grew last is running', async (context) => {
  const folder = temporaryFolder(context);
  const lock = await FolderLock.acquire(folder);
  context.after(() => lock.release());
  writeLog(join(folder, 'old.log.jsonl'), run(5));
  writeLog(join(folder, 'done.log.jsonl'), run(5) + line(finished(5)));
  await new Promise((resolve) => setTimeout(resolve, 20));
  writeLog(join(folder, 'new.log.jsonl'), run(5));
  const states = (await new Poller([folder]).poll()).map(({ name, state }) => [
    name.slice(folder.length),
    state,
  ]);
  assert.deepEqual(states.sort(), [
    ['/done', 'finished'],
    ['/new', 'running'],
    ['/old', 'broken-off'],
  ]);
});

test('folders may come later, and runs may go', async (context) => {
  const folder = temporaryFolder(context);
  workIn(context, folder);
  const poller = new Poller(['cv', 'cv-2']);
  assert.deepEqual(await poller.poll(), []);
  writeLog(join(folder, 'cv', 'deep', 'er', 'lstm.log.jsonl'), run(3));
  // A search begins at most every five seconds.
  for (let tries = 0; poller.runs.size === 0 && tries < 600; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    await poller.poll();
  }
  assert.deepEqual([...poller.runs.keys()], [join('cv', 'deep', 'er')]);
  rmSync(join(folder, 'cv'), { recursive: true });
  assert.deepEqual(await poller.poll(10), []);
});

test('what is not a log of a run, hidden, or elsewhere is not shown', async (context) => {
  const [folder, outside] = [temporaryFolder(context), temporaryFolder(context)];
  writeLog(join(folder, 'text', 'a.log.jsonl'), 'this is\nno log\n');
  writeLog(join(folder, 'empty', 'a.log.jsonl'), '');
  mkdirSync(join(folder, 'folder.log.jsonl'));
  writeLog(join(folder, '.hidden', 'a.log.jsonl'), run(3));
  writeLog(join(folder, 'node_modules', 'x', 'a.log.jsonl'), run(3));
  writeLog(join(outside, 'a.log.jsonl'), run(3));
  symlinkSync(outside, join(folder, 'linked'));
  symlinkSync(join(outside, 'a.log.jsonl'), join(folder, 'linked.log.jsonl'));
  symlinkSync(folder, join(folder, 'cycle'));
  writeLog(join(folder, 'real', 'a.log.jsonl'), run(3));
  const found = await new Poller([folder]).poll();
  assert.deepEqual(
    found.map(({ name }) => name),
    [join(folder, 'real')],
  );
  // A folder that is named may be a link.
  const named = await new Poller([join(folder, 'linked')]).poll();
  assert.deepEqual(
    named.map(({ name }) => name),
    [join(folder, 'linked')],
  );
});

test('a folder that became a link to another place is not followed', async (context) => {
  const [folder, outside] = [temporaryFolder(context), temporaryFolder(context)];
  writeLog(join(folder, 'a', 'lstm.log.jsonl'), run(3));
  writeLog(join(outside, 'lstm.log.jsonl'), run(99));
  const poller = new Poller([folder]);
  assert.equal((await poller.poll()).length, 1);
  rmSync(join(folder, 'a'), { recursive: true });
  symlinkSync(outside, join(folder, 'a'));
  assert.deepEqual(await poller.poll(10), []);
});

test('a folder that can not be read is said', async (context) => {
  if (process.getuid?.() === 0) return context.skip('the superuser can read everything');
  const { folder } = logIn(context, run(3));
  mkdirSync(join(folder, 'locked'), { mode: 0 });
  const poller = new Poller([folder]);
  assert.equal((await poller.poll()).length, 1);
  assert.match(poller.notices.join('\n'), /locked can't be read/);
  chmodSync(join(folder, 'locked'), 0o755);
});

test('a summary has the figures of the run', async (context) => {
  const { folder } = logIn(
    context,
    line({ type: 'warning', code: 'x', message: 'careful' }) +
      line(
        started({
          origins: { seed: 'flag', gpu: 'config', huge: 'flag' },
          options: { cell: 'gru', seed: 1, gpu: 2, huge: {} },
        }),
      ) +
      line(iteration(1, null)) +
      line(evaluated(1, 2)) +
      line(evaluated(2, 3, false)) +
      line({ type: 'baseline', order: 5, loss: 2.5, trainTokens: 1, validationTokens: 1 }) +
      line({ type: 'advice', code: 'x', message: 'more data' }) +
      line({ type: 'sampled', iteration: 2, text: 'abc' }),
  );
  const [summary] = await new Poller([folder]).poll();
  assert.deepEqual(summary?.settings, {
    cell: { value: 'gru', origin: 'default' },
    seed: { value: 1, origin: 'flag' },
    gpu: { value: 2, origin: 'config' },
  });
  assert.equal(summary?.trainLoss, null);
  assert.equal(summary?.bestEvaluation?.loss, 2);
  assert.equal(summary?.lastEvaluation?.loss, 3);
  assert.equal(summary?.baselineLoss, 2.5);
  assert.deepEqual([summary?.events, summary?.samples, summary?.advice], [7, 1, 2]);
});
