import assert from 'node:assert/strict';
import {
  copyFileSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { linkTarget, POINTER_METHODS, pointTo } from '../../src/checkpoint/storage/file-pointer.node.ts';
import { folderStorage } from '../../src/checkpoint/storage/folder-storage.node.ts';
import { surveyFolder } from '../../src/checkpoint/storage/run-survey.node.ts';
import { saveCheckpoint } from '../../src/checkpoint/storage/save-checkpoint.ts';
import { readCheckpointFile } from '../../src/formats/read.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { madeCheckpoint } from './made-checkpoint.ts';

test('points to the file by a symbolic link, a hard link or a copy, and can be replaced', async (context) => {
  for (const [index, kind] of ['symbolic', 'hard', 'copy'].entries()) {
    const folder = temporaryFolder(context);
    const [one, two, name] = ['one', 'two', 'name'].map((file) => join(folder, file)) as [
      string,
      string,
      string,
    ];
    for (const file of [one, two]) writeFileSync(file, file);
    await pointTo(name, one, POINTER_METHODS.slice(index));
    await pointTo(name, two, POINTER_METHODS.slice(index));
    assert.equal(readFileSync(name, 'utf8'), two, kind);
    assert.equal(lstatSync(name).isSymbolicLink(), kind === 'symbolic');
    assert.equal(lstatSync(two).nlink, kind === 'hard' ? 2 : 1);
    assert.deepEqual(readdirSync(folder).sort(), ['name', 'one', 'two']);
  }
});

test('keeps the earlier file if the file system supports no method', async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'name'), 'earlier');
  const refuse = () => Promise.reject(Object.assign(new Error('no'), { code: 'EPERM' }));
  await assert.rejects(pointTo(join(folder, 'name'), join(folder, 'one'), [refuse, refuse]), {
    code: 'EPERM',
  });
  assert.equal(readFileSync(join(folder, 'name'), 'utf8'), 'earlier');
});

test('does not overwrite another file of the name, but replaces a copy of an existing checkpoint', async (context) => {
  const folder = temporaryFolder(context);
  const storage = folderStorage(folder);
  const path = await saveCheckpoint(storage, madeCheckpoint(), 'lstm', 1.5);
  const best = join(folder, 'best.safetensors');
  const refused = { code: 'checkpoint-save-failed', message: /would be lost/ };
  writeFileSync(best, 'precious');
  await assert.rejects(storage.point('best.safetensors', path), refused);
  assert.equal(readFileSync(best, 'utf8'), 'precious');
  const other = await saveCheckpoint(storage, madeCheckpoint({ runId: 'other' }), 'other', 2);
  renameSync(other, best);
  await assert.rejects(storage.point('best.safetensors', path), refused);
  copyFileSync(best, other);
  await storage.point('best.safetensors', path);
  assert.ok(lstatSync(best).isSymbolicLink());
});

test('the newest checkpoint is the target of last, unless there is a later one; links resolve in their own folder', async (context) => {
  const folder = temporaryFolder(context);
  const storage = folderStorage(folder);
  const save = async (runId: string, iteration: number) => {
    const path = await saveCheckpoint(storage, madeCheckpoint({ runId, iteration }), 'lstm', undefined);
    // File systems have coarse clocks.
    await new Promise((resolve) => setTimeout(resolve, 10));
    return path;
  };
  const newestPath = async () => (await surveyFolder(folder)).runs[0]?.newest.path;
  const seven = await save('a', 7);
  assert.equal(await newestPath(), seven);
  const nine = await save('a', 9);
  await storage.point('last.safetensors', seven);
  assert.equal(await newestPath(), nine, 'the run was killed after the save, before it set the pointer');
  await storage.point('last.safetensors', nine);
  await save('a', 8);
  await save('b', 20);
  assert.equal(await newestPath(), nine, 'file times in a copied folder mean nothing');
  assert.equal((await readCheckpointFile(join(folder, 'last.safetensors'))).training?.iteration, 9);
  assert.equal(await linkTarget(join(folder, 'last.safetensors')), nine);
  const elsewhere = join(temporaryFolder(context), 'link');
  symlinkSync(nine, elsewhere);
  assert.equal(await linkTarget(elsewhere), nine);
  assert.deepEqual(
    (await storage.list()).map(({ iteration }) => iteration).sort(),
    [20, 7, 8, 9],
    'links are not counted',
  );
});
