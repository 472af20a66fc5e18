/** What needs no server: URLs, passwords in messages, old servers, and which errors pass. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SweepError } from '../../src/errors.ts';
import { checkServer, connect, databaseError, isOutage } from '../../src/sweep/postgres/connection.node.ts';
import { checkDatabaseUrl, hidePassword, isSameDatabase } from '../../src/sweep/postgres/database-url.ts';

test('only URLs of PostgreSQL are taken, and messages hide passwords', () => {
  for (const url of ['postgres://h/d', 'postgresql://u:p@h:5432/d?sslmode=require']) checkDatabaseUrl(url);
  assert.throws(() => checkDatabaseUrl('mysql://u:secret@h/d'), {
    code: 'option',
    message: /got "mysql:\/\/u:\*\*\*@h\/d", expected postgres:/,
  });
  assert.throws(() => checkDatabaseUrl('book.txt'), { code: 'option' });
  assert.equal(
    hidePassword('postgres://u:a:b/c@h/d?password=x&a=1'),
    'postgres://u:***@h/d?password=***&a=1',
  );
  assert.equal(hidePassword('postgres://u@h/d'), 'postgres://u@h/d');
});

test('URLs of one database are the same, whatever the user; other hosts, ports and databases are not', () => {
  const url = 'postgres://u:p@db.example/sweeps';
  for (const same of [
    'postgresql://other@DB.example:5432/sweeps?sslmode=require',
    'postgres://db.example/sweeps',
    'postgres://elsewhere/sweeps?host=db.example',
  ])
    assert.ok(isSameDatabase(url, same), same);
  for (const other of [
    'postgres://u:p@db.example:5433/sweeps',
    'postgres://u:p@db.example/sweeps?port=5433',
    'postgres://u:p@db.example/sweeps?host=evil.example',
    'postgres://u:p@evil.example/sweeps',
    'postgres://u:p@db.example.evil.example/sweeps',
    'postgres://db.example@evil.example/sweeps',
    'postgres://u:p@db.example/other',
    'db.example/sweeps',
    '',
  ])
    assert.ok(!isSameDatabase(url, other), other);
  assert.ok(isSameDatabase('postgres://u@h', 'postgres://h/u'));
});

test('an old server is refused in one sentence', async () => {
  const answering = (version: string) => ({
    query: async () => ({ rows: [{ server_version: version }], rowCount: 1 }),
  });
  await checkServer(answering('15.18 (Debian)'), 'postgres://h/d');
  await assert.rejects(checkServer(answering('9.6.24'), 'postgres://u:p@h/d'), {
    code: 'sweep-database',
    message: 'postgres://u:***@h/d is PostgreSQL 9.6.24. Sweeps need version 13 or later.',
  });
});

test('a server that is away may come back; a mistake does not go away', () => {
  const withCode = (code: string) => Object.assign(new Error('x'), { code });
  for (const code of ['ECONNREFUSED', 'ENOTFOUND', '57P01', '57P03', '08006', '53100', '40P01', '25006'])
    assert.ok(isOutage(withCode(code)), code);
  for (const code of ['42501', '42P01', '28P01', '3D000', '23505'])
    assert.ok(!isOutage(withCode(code)), code);
  assert.ok(isOutage(new Error('Connection terminated unexpectedly')));
  assert.ok(isOutage(new Error('timeout exceeded when trying to connect')));
  assert.ok(!isOutage(new TypeError('undefined is not a function')));
  assert.match(databaseError('postgres://h/d', withCode('ECONNREFUSED')).message, /can't be reached/);
});

const isInstalled = await import('pg' as string).then(
  () => true,
  () => false,
);

test('without the packages, the message says how to install them', {
  skip: isInstalled && 'pg is installed',
}, async () => {
  await assert.rejects(connect('postgres://h/d'), (error: SweepError) => {
    assert.equal(error.code, 'sweep-database');
    assert.equal(error.problem, 'sweeps on PostgreSQL need the package pg.');
    assert.match(error.remedies[0]?.text ?? '', /^Install two packages: npm install .*pg-boss@12 pg@8$/);
    return true;
  });
});
