import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FolderLock } from '../../src/checkpoint/storage/folder-lock.node.ts';
import { CheckpointError } from '../../src/errors.ts';
import { livenessOf, thisProcess } from '../../src/util/process-identity.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const noProc = { skip: existsSync('/proc/self/stat') ? false : 'no /proc here' };
const locked = { code: 'checkpoint-locked' };

const locksIn = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.lock'));

/** A folder with a lock file that another process wrote some time ago. */
function lockedBy(context: TestContext, holder: object) {
  const folder = temporaryFolder(context);
  const path = join(folder, '.training-0123456789ab.lock');
  writeFileSync(path, JSON.stringify({ ...thisProcess(), since: '2020-01-01T00:00:00Z', ...holder }));
  return { folder, path };
}

/** Starts a process that tries to lock the folder, prints `got` or an error code, and keeps the lock until it is killed. */
function contender(folder: string) {
  const module = new URL('../../src/checkpoint/storage/folder-lock.node.ts', import.meta.url).href;
  const program = `
    const { FolderLock } = await import(${JSON.stringify(module)});
    const said = await FolderLock.acquire(${JSON.stringify(folder)}).then(() => 'got', (error) => error.code);
    console.log(said);
    if (said === 'got') setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type', 'module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = new Promise<string>((resolve) => child.stdout.on('data', (line) => resolve(`${line}`.trim())));
  return { child, said };
}

test('only one can lock a folder, even within a process, until it is released', async (context) => {
  const folder = temporaryFolder(context);
  const lock = await FolderLock.acquire(folder);
  const [name = ''] = locksIn(folder);
  const { host, pid, since } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  assert.deepEqual([host, pid], [thisProcess().host, process.pid]);
  assert.ok(Date.now() - Date.parse(since) < 60_000);
  await assert.rejects(FolderLock.acquire(folder), {
    ...locked,
    message: /another run is training there/,
  });
  lock.release();
  assert.deepEqual(locksIn(folder), []);
  (await FolderLock.acquire(folder)).release();
});

test(
  'replaces the lock of a process that has ended, whose PID was reused, or that ran before the machine was restarted',
  noProc,
  async (context) => {
    const ended = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => ended.on('close', resolve));
    for (const holder of [
      { pid: ended.pid },
      { pid: 1, processStart: '999999999999' },
      { bootId: '00000000-0000-0000-0000-000000000000' },
    ]) {
      const { folder, path } = lockedBy(context, holder);
      const lock = await FolderLock.acquire(folder);
      assert.ok(!existsSync(path));
      lock.release();
    }
  },
);

test('refuses the folder, with the command that removes the lock, if the lock is from another host, has only a live PID, or is unreadable', async (context) => {
  for (const holder of [
    { host: 'elsewhere' },
    { pid: process.pid, processStart: undefined },
    { pid: 'one' },
  ]) {
    const { folder, path } = lockedBy(context, holder);
    await assert.rejects(FolderLock.acquire(folder), { ...locked, message: new RegExp(`rm '${path}'`) });
    assert.deepEqual(locksIn(folder).length, 1, 'the other lock stays, our own is removed');
  }
});

test('suggests the folder that a second run would get', async (context) => {
  const { folder } = lockedBy(context, {});
  const suggested = async (path: string) => {
    const error = await FolderLock.acquire(path).then(
      () => assert.fail('it locked the folder'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof CheckpointError && error.code === 'checkpoint-locked');
    return error.remedies[0]?.set?.checkpointDir;
  };
  const here = process.cwd();
  try {
    process.chdir(folder);
    assert.equal(await suggested(folder), `${folder}-2`);
    assert.equal(await suggested(`${folder}/`), `${folder}-2`);
    assert.equal(await suggested('.'), 'run-2');
    assert.equal(await suggested('./'), 'run-2');
  } finally {
    process.chdir(here);
  }
});

test('an unreadable lock holds the folder too', async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, '.training-0123456789ab.lock'));
  await assert.rejects(FolderLock.acquire(folder), {
    ...locked,
    message: /in an unknown process/,
  });
});

test('a zombie process counts as gone', noProc, async () => {
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 30'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.on('data', (line) => resolve(Number(line))),
  );
  const stat = () => readFileSync(`/proc/${pid}/stat`, 'latin1');
  const start = stat().split(') ')[1]?.split(' ')[19];
  while (!/\) Z /.test(stat())) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(livenessOf({ ...thisProcess(), pid, processStart: start }), 'gone');
  parent.kill();
});

test('of several simultaneous trainings, one gets the folder', noProc, async (context) => {
  const { folder } = lockedBy(context, { pid: 1, processStart: '999999999999' });
  const all = Array.from({ length: 4 }, () => contender(folder));
  const said = await Promise.all(all.map((one) => one.said));
  assert.deepEqual(said.sort(), ['checkpoint-locked', 'checkpoint-locked', 'checkpoint-locked', 'got']);
  for (const { child } of all) child.kill('SIGKILL');
});
