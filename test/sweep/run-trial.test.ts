/** The training of a trial, in this process. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { folderStorage } from '../../src/checkpoint/storage/folder-storage.node.ts';
import { saveCheckpoint } from '../../src/checkpoint/storage/save-checkpoint.ts';
import { runTrial } from '../../src/sweep/run-trial.node.ts';
import { attemptFolder, checkpointOf } from '../../src/sweep/trial-history.node.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { temporaryFolder } from '../temporary-folder.ts';

test('a trial that is stopped before its training begins has stopped, not failed', async (context) => {
  const folder = temporaryFolder(context);
  const textFile = join(folder, 'book.txt');
  writeFileSync(textFile, 'the harbour wall stood in the rain. '.repeat(60));
  const task = {
    options: { hiddenSize: 4, batchSize: 4, sequenceLength: 8, maxIterations: 4, engine: 'reference' },
    text: { textFile: [textFile], sha256: '', name: 'book.txt' },
    ...{ folder: join(folder, '0001'), attempt: 1, end: 4, runId: 'run' },
  } as const;
  const observer = { onProgress: () => {}, onEvaluated: () => {} };
  assert.deepEqual(await runTrial(task, observer, AbortSignal.abort()), { state: 'stopped' });
  assert.equal(existsSync(join(folder, '0001', 'attempt-1', 'trial.log.jsonl')), false);
});

test('the checkpoint of an evaluation is that with its loss, not that of an attempt which exploded later', async (context) => {
  const folder = temporaryFolder(context);
  const save = async (attempt: number, loss: number) => {
    const made = madeCheckpoint({ iteration: 7 });
    const validationLosses = { iterations: Int32Array.of(7), values: Float64Array.of(loss) };
    const checkpoint = { ...made, training: { ...made.training, validationLosses } };
    return await saveCheckpoint(folderStorage(attemptFolder(folder, attempt)), checkpoint, 'trial', loss);
  };
  const paths = [await save(1, 2.5), await save(2, 1.5)];
  assert.deepEqual(
    await Promise.all([2.5, 1.5, 3].map((loss) => checkpointOf(folder, { iteration: 7, loss }))),
    [...paths, undefined],
  );
});
