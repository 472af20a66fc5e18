import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { folderStorage } from '../../src/checkpoint/storage/folder-storage.node.ts';
import { memoryStorage } from '../../src/checkpoint/storage/memory-storage.ts';
import { checkpointName, saveCheckpoint } from '../../src/checkpoint/storage/save-checkpoint.ts';
import { isSameCheckpoint } from '../../src/checkpoint/storage/storage.ts';
import { readCheckpointFile } from '../../src/formats/read.node.ts';
import { temporaryFolder, workIn } from '../temporary-folder.ts';
import { madeCheckpoint } from './made-checkpoint.ts';

test('a checkpoint is the same only if both its run and its iteration are', () => {
  const one = { runId: 'a', iteration: 3 };
  assert.ok(isSameCheckpoint(one, { ...one }));
  for (const other of [{ runId: 'b' }, { iteration: 4 }])
    assert.ok(!isSameCheckpoint(one, { ...one, ...other }));
});

test("the names are the original's", () => {
  assert.equal(checkpointName('lstm', 0.946, 400, 2.06814), 'lm_lstm_epoch0.95_2.0681');
  assert.equal(checkpointName('mine', 12, 400, undefined), 'lm_mine_epoch12.00_i400');
});

for (const kind of ['folder', 'memory'] as const) {
  test(`${kind}: appends _2 if another run or iteration has the name, and replaces the same iteration`, async (context) => {
    const folder = temporaryFolder(context);
    const storage = kind === 'folder' ? folderStorage(folder) : memoryStorage();
    const save = (runId: string, iteration: number) =>
      saveCheckpoint(storage, madeCheckpoint({ runId, iteration }), 'lstm', 1.5);
    const paths: string[] = [];
    for (const [run, iteration] of [
      ['a', 7],
      ['a', 7],
      ['b', 7],
      ['a', 8],
      ['b', 7],
    ] as const) {
      paths.push((await save(run, iteration)).replace(`${folder}/`, ''));
    }
    const [base, second, third] = ['', '_2', '_3'].map((end) => `lm_lstm_epoch0.70_1.5000${end}.safetensors`);
    assert.deepEqual(paths, [base, base, second, third, second]);
  });
}

test("leaves another program's file of the same name alone", async (context) => {
  const folder = temporaryFolder(context);
  const precious = join(folder, 'lm_lstm_epoch0.70_i7.safetensors');
  writeFileSync(precious, 'precious');
  const path = await saveCheckpoint(folderStorage(folder), madeCheckpoint(), 'lstm', undefined);
  assert.equal(path, join(folder, 'lm_lstm_epoch0.70_i7_2.safetensors'));
  assert.equal(readFileSync(precious, 'utf8'), 'precious');
});

test('reports before training that a folder can not be created or written', async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'cv'), 'a file');
  await assert.rejects(folderStorage(join(folder, 'cv', 'deeper')).prepare(), {
    code: 'checkpoint-unwritable',
  });
  const fine = folderStorage(join(folder, 'new', 'deep'));
  await fine.prepare();
  await fine.close();
  assert.deepEqual(readdirSync(join(folder, 'new', 'deep')), []);
});

test('deletes the remains of killed saves at the next start, but keeps files that may be in use or belong to others', async (context) => {
  const folder = temporaryFolder(context);
  const killed = '.lm_lstm_epoch1.00_i9.safetensors.0123456789ab.saving';
  const [old, fresh] = ['.a.safetensors.0123456789ab.tmp', '.a.safetensors.ba9876543210.tmp'];
  for (const name of [killed, old, fresh, '.mine.tmp', 'a.safetensors'])
    writeFileSync(join(folder, name), 'x');
  const twoHoursAgo = new Date(Date.now() - 7_200_000);
  for (const name of [old, '.mine.tmp', 'a.safetensors'])
    utimesSync(join(folder, name), twoHoursAgo, twoHoursAgo);
  const storage = folderStorage(folder);
  await storage.prepare();
  await storage.close();
  assert.deepEqual(readdirSync(folder).sort(), [fresh, '.mine.tmp', 'a.safetensors'].sort());
});

test('a failed save leaves nothing behind and keeps the earlier file', async (context) => {
  const folder = temporaryFolder(context);
  const storage = folderStorage(folder);
  await storage.save('a.safetensors', [Buffer.from('first')]);
  // The name becomes too long for the file system with the ending of a temporary file.
  await assert.rejects(storage.save(`${'n'.repeat(300)}.safetensors`, [Buffer.from('x')]), {
    code: 'checkpoint-save-failed',
  });
  mkdirSync(join(folder, 'b.safetensors'));
  await assert.rejects(storage.save('b.safetensors', [Buffer.from('x')]), { code: 'checkpoint-save-failed' });
  assert.deepEqual(readdirSync(folder).sort(), ['a.safetensors', 'b.safetensors']);
  assert.equal(readFileSync(join(folder, 'a.safetensors'), 'utf8'), 'first');
});

const mountsFile = '/proc/self/mounts';
const canMount = existsSync(mountsFile) && spawnSync('unshare', ['-rm', 'true']).status === 0;
test('a full disk', { skip: canMount ? false : 'no namespaces of mounts here' }, (context) => {
  const folder = temporaryFolder(context);
  const storage = new URL('../../src/checkpoint/storage/folder-storage.node.ts', import.meta.url).href;
  const program = `
    const { folderStorage } = await import(${JSON.stringify(storage)});
    const storage = folderStorage(${JSON.stringify(folder)});
    await storage.save('a', [Buffer.alloc(40_000, 1)]);
    const error = await storage.save('a', [Buffer.alloc(200_000, 2)]).then(() => ({}), (error) => error);
    const { readdirSync, readFileSync } = await import('node:fs');
    const bytes = readFileSync(${JSON.stringify(join(folder, 'a'))});
    console.log(JSON.stringify({ code: error.code, message: error.message, length: bytes.length, names: readdirSync(${JSON.stringify(folder)}) }));`;
  const shell = `mount -t tmpfs -o size=128k none '${folder}' && exec "$0" --import tsx --input-type module -e "$1"`;
  const { stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', shell, process.execPath, program], {
    encoding: 'utf8',
  });
  assert.notEqual(stdout, '', stderr);
  const { code, message, length, names } = JSON.parse(stdout);
  assert.equal(code, 'checkpoint-save-failed');
  assert.match(message, /disk is full/);
  assert.equal(length, 40_000);
  assert.deepEqual(names, ['a']);
});

test('a pointer to a deleted checkpoint names it, and never suggests itself', {
  skip: process.platform === 'win32' ? 'links need a right on Windows' : false,
}, async (context) => {
  const folder = temporaryFolder(context);
  workIn(context, folder);
  const path = await saveCheckpoint(folderStorage(folder), madeCheckpoint(), 'lstm', 1.5);
  symlinkSync('lm_gone.safetensors', join(folder, 'best.safetensors'));
  const missing = (name: string, message: RegExp) =>
    assert.rejects(readCheckpointFile(join(folder, name)), { code: 'checkpoint-missing', message });
  await missing(
    'best.safetensors',
    new RegExp(`points to lm_gone.safetensors, which was deleted. Found here: ${path}\\.`),
  );
  // It is not suggested for a misspelt name or another suffix either.
  await missing('bset.safetensors', new RegExp(`bset.safetensors. Found here: ${path}\\.`));
  await missing('best.onnx', new RegExp(`best.onnx. Found here: ${path}\\.`));
});

test('reading a missing file, with suggestions; a folder; an empty file', async (context) => {
  const folder = temporaryFolder(context);
  workIn(context, folder);
  const path = await saveCheckpoint(folderStorage(folder), madeCheckpoint(), 'lstm', 1.5);
  assert.equal((await readCheckpointFile(path)).training?.iteration, 7);
  const missing = (name: string, message: RegExp) =>
    assert.rejects(readCheckpointFile(join(folder, name)), { code: 'checkpoint-missing', message });
  await missing('typo.safetensors', new RegExp(`typo.safetensors. Found here: ${path}\\.`));
  await missing(basename(path).replace('lstm', 'lstn'), new RegExp(`Did you mean ${path}\\?`));
  await missing(basename(path).replace('.safetensors', '.t7'), new RegExp(`Did you mean ${path}\\?`));
  assert.equal((await readCheckpointFile(folder)).training?.iteration, 7);
  await assert.rejects(readCheckpointFile(temporaryFolder(context)), { message: /without a model/ });
  writeFileSync(join(folder, 'empty'), '');
  await assert.rejects(readCheckpointFile(join(folder, 'empty')), { code: 'checkpoint-empty' });
});
