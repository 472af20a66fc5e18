import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tryTokenMutations } from './token-mutations.ts';

test('damaged vocabulary and token files are recreated, or still give the same tokens', async () => {
  const { again, same } = await tryTokenMutations(60, 7);
  assert.ok(again > 2 * same, `${again} recreated, ${same} not`);
});
