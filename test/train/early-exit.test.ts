/** What happens if the consumer leaves the loop before the run has ended. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { train } from '../../src/index.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const text = 'the harbour wall stood in the rain, and the keeper walked along it. '.repeat(40);
const small = { text, hiddenSize: 12, layers: 2, batchSize: 4, sequenceLength: 10, maxIterations: 12 };

test('if the consumer leaves the loop, the progress is saved', async (context) => {
  const folder = temporaryFolder(context);
  for await (const event of train({ ...small, checkpointDir: folder })) {
    if (event.type === 'iteration' && event.iteration === 3) break;
  }
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('lm_')),
    ['lm_lstm_epoch0.05_i3.safetensors'],
  );
});

test('if the progress can not be saved, the consumer gets an error, unless it threw one itself', async (context) => {
  const leaveAtThree = async (folder: string, error: Error | undefined) => {
    for await (const event of train({ ...small, checkpointDir: folder })) {
      if (event.type !== 'iteration' || event.iteration < 3) continue;
      rmSync(folder, { recursive: true });
      writeFileSync(folder, 'in the way');
      if (error) throw error;
      break;
    }
  };
  const folder = (name: string) => join(temporaryFolder(context), name);
  await assert.rejects(leaveAtThree(folder('a'), undefined), { code: 'checkpoint-save-failed' });
  await assert.rejects(leaveAtThree(folder('b'), new Error('mine')), { message: 'mine' });
});
