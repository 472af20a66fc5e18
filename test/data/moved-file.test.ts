/** Searching for moved files. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { findMovedFolder, isWithin, relocated, shortPath } from '../../src/data/files/moved-file.node.ts';
import { identifyFile } from '../../src/data/tokens/make-tokens.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';

test('a name that begins with two dots is a name, not the folder above', () => {
  for (const below of ['b', '..b', '..b/c', '...', '..', 'b/..c', '']) {
    const path = below === '..' ? '/a/b/..' : join('/a', below);
    assert.equal(isWithin(path, '/a'), true, path);
  }
  for (const path of ['/', '/b', '/..a', '/ab', '/a/../..b', '/a/..']) {
    assert.equal(isWithin(path, '/a'), false, path);
  }
  for (const near of ['a.txt', '..notes', join('..notes', 'a.txt'), '...']) {
    assert.equal(shortPath(resolve(near)), near);
  }
  for (const far of [resolve('..'), resolve('..', 'a.txt'), resolve('')]) assert.equal(shortPath(far), far);
});

test('finds a moved folder, whatever its files are called', async (context) => {
  const folder = temporaryFolder(context);
  const [from, to] = [join(folder, 'old', 'texts'), join(folder, 'new', 'texts')];
  const names = [join('..notes', 'a.txt'), '..b.txt', 'c.txt'];
  mkdirSync(join(to, '..notes'), { recursive: true });
  for (const name of names) writeFileSync(join(to, name), name);
  const facts = await Promise.all(names.map((name) => identifyFile(join(to, name))));
  const files = facts.map((file, index) => ({ ...file, path: join(from, names[index] ?? '') }));
  const moved = files.map((file, index) => ({ ...file, path: join(to, names[index] ?? '') }));
  assert.deepEqual(await relocated(files, from, to), moved);
  assert.equal(await findMovedFolder(from, files, [join(folder, 'new')]), to);
  const outside = { ...facts[0], path: join(folder, 'old', 'x.txt'), bytes: 1, sha256: '' };
  assert.equal(await relocated([outside], from, to), undefined);
});
