/** The names of a run's files in a folder. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { folderStorage } from '../../src/checkpoint/storage/folder-storage.node.ts';
import { memoryStorage } from '../../src/checkpoint/storage/memory-storage.ts';
import { chooseRunFiles, pointerStem } from '../../src/checkpoint/storage/run-files.ts';
import { saveCheckpoint } from '../../src/checkpoint/storage/save-checkpoint.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { madeCheckpoint } from './made-checkpoint.ts';

const fresh = { runId: 'b', saveName: 'lstm', isResumed: false };

async function setUp(context: TestContext) {
  const folder = temporaryFolder(context);
  const storage = folderStorage(folder);
  const path = await saveCheckpoint(storage, madeCheckpoint({ runId: 'a', iteration: 4 }), 'a', undefined);
  return { folder, storage, path, at: (name: string) => join(folder, name) };
}

test('the first run gets the plain names, later ones get separate names', async (context) => {
  const { storage, path } = await setUp(context);
  assert.equal((await chooseRunFiles(storage, fresh)).best, 'best.safetensors');
  await storage.point('last.safetensors', path);
  assert.deepEqual(await chooseRunFiles(storage, fresh), {
    best: 'lstm.best.safetensors',
    last: 'lstm.last.safetensors',
    config: 'lstm.run.json',
    log: 'lstm.log.jsonl',
  });
  await storage.point('lstm.last.safetensors', path);
  assert.equal((await chooseRunFiles(storage, fresh)).last, 'lstm-2.last.safetensors');
});

test('a resumed run finds its names by their targets', async (context) => {
  const { storage, path, at } = await setUp(context);
  const resumed = { runId: 'b', saveName: 'lstm', isResumed: true };
  await storage.point('last.safetensors', path);
  const own = await saveCheckpoint(storage, madeCheckpoint({ runId: 'b', iteration: 4 }), 'b', undefined);
  await storage.point('lstm.best.safetensors', own);
  assert.equal((await chooseRunFiles(storage, resumed)).last, 'lstm.last.safetensors');
  rmSync(at('last.safetensors'));
  assert.equal((await chooseRunFiles(storage, resumed)).last, 'lstm.last.safetensors');
  assert.equal((await chooseRunFiles(storage, { ...resumed, runId: 'a' })).last, 'last.safetensors');
  rmSync(at('lstm.best.safetensors'));
  copyFileSync(own, at('lstm.last.safetensors'));
  assert.equal(
    (await chooseRunFiles(storage, resumed)).best,
    'lstm.best.safetensors',
    'a copy of a checkpoint',
  );
});

test('keeps other files, folders and configurations, but not a broken pointer', async (context) => {
  const { storage, path, at } = await setUp(context);
  writeFileSync(at('best.safetensors'), 'precious');
  assert.equal((await chooseRunFiles(storage, fresh)).best, 'lstm.best.safetensors');
  mkdirSync(at('lstm.last.safetensors'));
  assert.equal((await chooseRunFiles(storage, fresh)).best, 'lstm-2.best.safetensors');
  rmSync(at('best.safetensors'));
  writeFileSync(at('run.json'), '{}');
  assert.equal((await chooseRunFiles(storage, fresh)).config, 'lstm-2.run.json');
  assert.equal((await chooseRunFiles(storage, { ...fresh, isResumed: true })).config, 'run.json');
  rmSync(at('run.json'));
  renameSync(path, at('gone'));
  symlinkSync('lm_gone.safetensors', at('best.safetensors'));
  assert.equal((await chooseRunFiles(storage, fresh)).best, 'best.safetensors');
});

test('names in memory, as in a page', async () => {
  const storage = memoryStorage();
  const path = await saveCheckpoint(storage, madeCheckpoint({ runId: 'a', iteration: 4 }), 'lstm', undefined);
  await storage.point('best.safetensors', path);
  assert.equal((await chooseRunFiles(storage, fresh)).best, 'lstm.best.safetensors');
});

test('distinguishes pointers from checkpoints by their names', () => {
  assert.equal(pointerStem('best.safetensors'), '');
  assert.equal(pointerStem('a.b.last.safetensors'), 'a.b');
  for (const name of [
    'lm_lstm_epoch1.00_1.5000.safetensors',
    'best.json',
    '.best.safetensors',
    'thebest.safetensors',
  ])
    assert.equal(pointerStem(name), undefined, name);
});
