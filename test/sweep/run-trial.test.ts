/** The training of a trial, in this process. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runTrial } from '../../src/sweep/run-trial.node.ts';
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
