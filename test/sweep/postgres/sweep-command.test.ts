/** `char-rnn sweep` with `--database`, as users on several machines type it: each machine is a folder here. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { oldNodeWarning } from '../../../src/sweep/postgres/packages.node.ts';
import { charRnn } from '../../cli/command.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { newDatabase, type PostgresServer, skipWithoutPostgres, startPostgres } from './server.ts';

const TEXT = 'the harbour wall stood in the rain and the keeper walked along the wall. '.repeat(60);
const TRIES = [
  'learning-rate=1e-3..5e-2:log',
  'rnn-size=4,8',
  'num-layers=1',
  'batch-size=4',
  'seq-length=10',
];
const SWEEP = [...TRIES, 'max-iterations=18'].flatMap((word) => ['--try', word]);
const RUN = ['sweep', 'run', 'book.txt', ...SWEEP, '--trials', '6', '--seed', '2'];
const options = { skip: skipWithoutPostgres };

let server: PostgresServer;
before(async () => {
  if (!skipWithoutPostgres) server = await startPostgres();
});
after(() => server?.remove());

let databases = 0;

async function setUp(context: TestContext) {
  const cwd = temporaryFolder(context);
  writeFileSync(join(cwd, 'book.txt'), TEXT);
  return { cwd, url: await newDatabase(server, `sweeps_${++databases}`) };
}

test('the same trials, losses and winner as with SQLite', options, async (context) => {
  const { cwd, url } = await setUp(context);
  const onFile = await charRnn([...RUN, '--workers', '1', '--name', 'file'], { cwd });
  assert.equal(onFile.code, 0, onFile.stderr);
  const made = await charRnn([...RUN, '--workers', '2', '--database', url], { cwd });
  assert.equal(made.code, 0, made.stderr);
  const tables = ['file', 'book'].map(async (name) => {
    const { stdout } = await charRnn(['sweep', 'table', name, '--csv'], { cwd });
    return stdout;
  });
  const [first, second] = await Promise.all(tables);
  assert.ok(first && first.split('\n').length > 6);
  assert.equal(second, first);
  assert.match(made.stderr, /^best: trial \d/m);
  // Node's own form of a warning has the number of the process and a flag of Node.
  assert.doesNotMatch(made.stderr, /\(node:\d+\)|--trace-warnings/);
  const warning = oldNodeWarning();
  assert.equal(made.stderr.includes('warning: pg-boss'), warning !== undefined);
  // The folder remembers the database, which may have a password in it.
  const remembered = join(cwd, 'sweeps', 'book', 'database.json');
  assert.equal(JSON.parse(readFileSync(remembered, 'utf8')).url, url);
  if (process.platform !== 'win32') assert.equal(statSync(remembered).mode & 0o777, 0o600);
  const best = await charRnn(['sweep', 'best', 'book', '--json'], { cwd });
  assert.equal(JSON.parse(best.stdout).checkpoint, join('sweeps', 'book', 'best.safetensors'));
});

test('a Node for which pg-boss is not made is a warning', () => {
  for (const version of ['22.12.0', '22.13.1', '24.0.0']) assert.equal(oldNodeWarning(version), undefined);
  for (const version of ['20.20.2', '22.11.9'])
    assert.match(
      oldNodeWarning(version) ?? '',
      new RegExp(`Node 22\\.12 and later, and this is Node ${version}\\.`),
    );
});

test('a sweep that one machine adds, another trains, and a third looks at', options, async (context) => {
  const { cwd, url } = await setUp(context);
  const there = temporaryFolder(context);
  const added = await charRnn([...RUN, '--database', url, '--workers', '0'], { cwd });
  assert.equal(added.code, 0, added.stderr);
  assert.match(added.stderr, /wait for workers\. On each machine: .* sweep worker book --database postgres:/);
  const waiting = await charRnn(['sweep', 'status'], { cwd });
  assert.match(waiting.stdout, /^book: waiting: no process works on it\n {2}rung 1: 0 of 6 done\n$/);

  // The other machine does not have the text, has another one, and at last has it in another place.
  renameSync(join(cwd, 'book.txt'), join(there, 'moved.txt'));
  const worker = ['sweep', 'worker', '--database', url, '--workers', '2'];
  const missing = await charRnn(worker, { cwd: there });
  assert.equal(missing.code, 1);
  assert.match(
    missing.stderr,
    /this machine does not have book\.txt, the text of the sweep: .*\nCopy the text/,
  );
  writeFileSync(join(there, 'other.txt'), TEXT.replace('wall', 'tall'));
  const other = await charRnn([...worker, '--text', 'other.txt'], { cwd: there });
  assert.equal(other.code, 1);
  assert.match(other.stderr, /other\.txt is not the text of the sweep: its content differs/);
  assert.doesNotMatch((await charRnn(['sweep', 'status'], { cwd })).stdout, /[1-6] of 6/);
  const worked = await charRnn([...worker, '--text', 'moved.txt'], { cwd: there });
  assert.equal(worked.code, 0, worked.stderr);
  const again = await charRnn([...worker, '--text', 'moved.txt'], { cwd: there });
  assert.equal(again.code, 0, 'a worker ends when no trial is left');

  const look = temporaryFolder(context);
  const seen = await charRnn(['sweep', 'status', '--database', url], { cwd: look });
  assert.match(seen.stdout, /^book: finished\n {2}rung 1: 6 of 6 done\n/);
  // The checkpoint is on the other machine: here, in another folder, whose path is valid on this one too.
  renameSync(join(there, 'sweeps'), join(there, 'elsewhere'));
  const best = await charRnn(['sweep', 'best'], { cwd: look });
  assert.equal(best.code, 1);
  assert.match(
    best.stderr,
    /^best: trial \d.* Its checkpoint is on .*, in .*\n.*train it again, with the paths that the texts have on this machine:\n .* train /,
  );
});

test('stop, resume and more trials, from another folder', options, async (context) => {
  const { cwd, url } = await setUp(context);
  await charRnn([...RUN, '--database', url, '--workers', '0'], { cwd });
  const look = temporaryFolder(context);
  const stopped = await charRnn(['sweep', 'stop', '--database', url], { cwd: look });
  assert.match(stopped.stderr, /^book is stopped\.$/m);
  const worker = await charRnn(['sweep', 'worker'], { cwd });
  assert.match(worker.stderr, /^the sweep is stopped\. To continue: .* sweep resume book$/m);
  const resumed = await charRnn(['sweep', 'resume', '--workers', '2'], { cwd });
  assert.equal(resumed.code, 0, resumed.stderr);
  const more = await charRnn(['sweep', 'run', '--trials', '+3', '--workers', '2'], { cwd });
  assert.equal(more.code, 0, more.stderr);
  const status = await charRnn(['sweep', 'status', '--database', url], { cwd: look });
  assert.match(status.stdout, /rung 1: 9 of 9 done/);
  const retried = await charRnn(['sweep', 'retry'], { cwd });
  assert.match(retried.stderr, /^no trial of book has failed\.$/m);
});

test(
  'a database that can not be used: one sentence each, before anything is made',
  options,
  async (context) => {
    const { cwd, url } = await setUp(context);
    const expectations: readonly (readonly [string, number, RegExp])[] = [
      [
        'mysql://x@127.0.0.1/y',
        2,
        /^--database: got "mysql:.*, expected postgres:\/\/USER:PASSWORD@HOST\/DATABASE$/m,
      ],
      [
        'postgres://x:secret@127.0.0.1:1/y',
        1,
        /^postgres:\/\/x:\*\*\*@127.0.0.1:1\/y can't be reached: no server listens/m,
      ],
      [`${url}_none`, 1, /^postgres:.*_none can't be used: database "sweeps_\d+_none" does not exist\.$/m],
    ];
    const owner = await import('../../../src/sweep/postgres/connection.node.ts').then(({ connect }) =>
      connect(server.url),
    );
    await owner.pool.query('CREATE USER weak');
    await owner.pool.query('CREATE DATABASE closed');
    await owner.close();
    const weak = server.url.replace('postgres@', 'weak@').replace(/postgres$/, 'closed');
    const rights =
      /^the user of .*closed lacks a permission: permission denied for database closed\.\nLet its owner run: GRANT CREATE ON DATABASE closed TO weak\.?$/m;
    for (const [database, code, message] of [...expectations, [weak, 1, rights] as const]) {
      const { stderr, ...result } = await charRnn([...RUN, '--database', database], { cwd });
      assert.equal(result.code, code, stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /secret/);
    }
    const none = await charRnn(['sweep', 'status', 'nothing', '--database', url], { cwd });
    assert.match(none.stderr, /^there is no sweep nothing in postgres:.*\.$/m);
    const typo = await charRnn([...RUN, '--database', url, '--try', 'dropuot=0,1'], { cwd });
    assert.equal(typo.code, 2, typo.stderr);
    mkdirSync(join(cwd, 'sweeps'), { recursive: true });
    const made = await charRnn([...RUN, '--database', url, '--workers', '0'], { cwd });
    assert.equal(made.code, 0, made.stderr);
    const taken = await charRnn([...RUN, '--database', url], { cwd: await copyOf(context) });
    assert.match(taken.stderr, /^there is already a sweep book in postgres:/m);
  },
);

/** Another machine with the same text. */
async function copyOf(context: TestContext): Promise<string> {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'book.txt'), TEXT);
  return folder;
}
