/** The short form of mutated-checkpoints.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resumeMutations, trainedFiles } from './mutated-checkpoints.ts';

test('a damaged checkpoint is rejected with a named error, or is valid and training continues', async () => {
  for (const base of await trainedFiles()) {
    const { tried, resumed, errors, allocation } = await resumeMutations(base, 350, 3);
    assert.equal(tried, 350);
    assert.ok(resumed >= 10 && errors.size > 2, `${resumed} resumed, ${[...errors.keys()]}`);
    assert.ok(allocation < 4, `${allocation} × the file`);
  }
});
