/** The training of a trial, in this process. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { folderStorage } from '../../src/checkpoint/storage/folder-storage.node.ts';
import { saveCheckpoint } from '../../src/checkpoint/storage/save-checkpoint.ts';
import { runTrial } from '../../src/sweep/run-trial.node.ts';
import type { TrialEvaluation } from '../../src/sweep/store.ts';
import { attemptFolder, checkpointOf } from '../../src/sweep/trial-history.node.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { temporaryFolder } from '../temporary-folder.ts';

test('a trial that is stopped says which state is saved, if any', async (context) => {
  const folder = temporaryFolder(context);
  const textFile = join(folder, 'book.txt');
  const content = 'the harbour wall stood in the rain. '.repeat(60);
  writeFileSync(textFile, content);
  const sizes = { hiddenSize: 4, batchSize: 4, sequenceLength: 8, maxIterations: 6, evaluateEvery: 2 };
  const taskOf = (attempt: number) => ({
    options: { ...sizes, engine: 'reference' } as const,
    text: {
      textFile: [textFile],
      sha256: createHash('sha256').update(content).digest('hex'),
      name: 'book.txt',
    },
    ...{ folder: join(folder, '0001'), attempt, end: 6, runId: 'run' },
  });
  const stopAt = (iteration: number) => {
    const stop = new AbortController();
    const onEvaluated = (evaluation: TrialEvaluation) => {
      if (evaluation.iteration === iteration) stop.abort();
    };
    return [{ onProgress: () => {}, onEvaluated }, stop.signal] as const;
  };
  const observer = { onProgress: () => {}, onEvaluated: () => {} };
  const notBegun = await runTrial(taskOf(1), observer, AbortSignal.abort());
  assert.deepEqual(notBegun, { state: 'stopped', savedAt: undefined });
  assert.equal(existsSync(join(folder, '0001', 'attempt-1', 'trial.log.jsonl')), false);
  assert.deepEqual(await runTrial(taskOf(2), ...stopAt(2)), { state: 'stopped', savedAt: 2 });
  // The state of the earlier attempt is still there.
  assert.deepEqual(await runTrial(taskOf(3), observer, AbortSignal.abort()), {
    state: 'stopped',
    savedAt: 2,
  });
  assert.equal((await runTrial(taskOf(4), observer, new AbortController().signal)).state, 'done');
});

test("a trial whose folder can't be made waits, and has not failed", async (context) => {
  const folder = temporaryFolder(context);
  const file = join(folder, 'trials');
  writeFileSync(file, 'a file where the folder should be');
  const task = {
    ...{ options: {}, text: { textFile: [], sha256: '', name: 'book.txt' } },
    ...{ folder: join(file, '0001'), attempt: 1, end: 4, runId: 'run' },
  };
  const observer = { onProgress: () => {}, onEvaluated: () => {} };
  const result = await runTrial(task, observer, new AbortController().signal);
  assert.ok(result.state === 'disturbed' && result.waits, JSON.stringify(result));
  assert.ok(result.message.startsWith(`the folder ${join(file, '0001', 'attempt-1')} can't be made: `));
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
