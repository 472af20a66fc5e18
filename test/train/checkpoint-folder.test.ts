/** When a training locks its folder for checkpoints, and when it releases it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FolderLock } from '../../src/checkpoint/storage/folder-lock.node.ts';
import { type TrainInput, type TrainingEvent, train } from '../../src/index.ts';
import { temporaryCache } from '../data/temporary-cache.ts';

const small = { hiddenSize: 8, layers: 1, batchSize: 4, sequenceLength: 10, maxIterations: 4 };

async function events(input: TrainInput): Promise<TrainingEvent[]> {
  const all: TrainingEvent[] = [];
  for await (const event of train(input)) all.push(event);
  return all;
}

const locks = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.lock'));

test('a run whose folder is locked by another training is not resumed, and its text is not read', async (context) => {
  const { folder } = temporaryCache(context);
  const textFile = join(folder, 'input.txt');
  writeFileSync(textFile, 'the harbour wall stood in the rain. '.repeat(40));
  const checkpointDir = join(folder, 'cv');
  await events({ ...small, textFile, checkpointDir });
  const lock = await FolderLock.acquire(checkpointDir);
  const nowhere = join(folder, 'nowhere.txt');
  const refused = { code: 'checkpoint-locked' };
  await assert.rejects(events({ textFile: nowhere, resume: checkpointDir, maxIterations: 8 }), refused);
  const over = await events({ resume: checkpointDir });
  assert.equal(over.at(-1)?.type, 'finished', 'a run that has ended needs no lock');
  lock.release();
});

test('if the text can not be prepared, the folder is unlocked, or not created', async (context) => {
  const { folder } = temporaryCache(context);
  const textFile = join(folder, 'nowhere.txt');
  const missing = { code: 'text-missing' };
  await assert.rejects(events({ ...small, textFile, checkpointDir: folder }), missing);
  assert.deepEqual(locks(folder), []);
  await assert.rejects(events({ ...small, textFile, checkpointDir: join(folder, 'new') }), missing);
  assert.ok(!existsSync(join(folder, 'new')));
});
