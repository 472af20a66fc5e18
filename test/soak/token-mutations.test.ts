import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tryTokenMutations } from './token-mutations.ts';

test('damaged vocabulary and token files: made again, or the very tokens', async () => {
  const { again, same } = await tryTokenMutations(120, 7);
  assert.ok(again > 2 * same, `${again} made again, ${same} not`);
});
