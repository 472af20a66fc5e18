/** Errors about options show why the given value does not fit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateOptionsSchema } from '../../src/sample/options.ts';
import { trainingOptionsSchema } from '../../src/train/options.ts';
import { checkOptions, describeType } from '../../src/util/check-options.ts';

const reason = (expected: string) => ({ code: 'option', reason: new RegExp(`expected ${expected}$`) });

test('mentions a limit that only guards against overflow if a value exceeds it', () => {
  const train = (given: Record<string, unknown>) => () => checkOptions(trainingOptionsSchema, given);
  const sample = (given: Record<string, unknown>) => () => checkOptions(generateOptionsSchema, given);
  assert.throws(sample({ seed: 2 ** 32 }), reason('a whole number from 0 to 4294967295'));
  assert.throws(sample({ seed: 1e300 }), reason('a whole number from 0 to 4294967295'));
  assert.throws(train({ seed: 2 ** 53 }), reason('a whole number from 0 to 4294967295'));
  assert.throws(train({ hiddenSize: 2 ** 31 }), reason('a whole number from 1 to \\d{5,}'));
  assert.throws(train({ maxIterations: 1e30 }), reason('a whole number from 1 to \\d{5,}'));
  assert.throws(sample({ length: 2 ** 53 }), reason('a whole number from 0 to \\d{5,}'));
  // Not mentioned if the value is far from it.
  assert.throws(sample({ seed: -1 }), reason('a whole number of at least 0'));
  assert.throws(sample({ seed: 1.5 }), reason('a whole number of at least 0'));
  assert.equal(describeType(generateOptionsSchema.shape.seed).expected, 'a whole number of at least 0');
});
