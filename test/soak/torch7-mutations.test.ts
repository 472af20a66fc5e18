/** The short form of torch7-mutations.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesToDamage, readDamaged } from './torch7-mutations.ts';

test('a damaged Torch7 file gives a named error or a valid model', () => {
  const { tried, read, errors, slowest } = readDamaged(filesToDamage(), 210, 7);
  assert.ok(tried >= 210);
  assert.ok(read > 0 && Object.keys(errors).length >= 2, JSON.stringify(errors));
  assert.ok(slowest.milliseconds < 1000, `${slowest.milliseconds} ms for ${slowest.what}`);
});
