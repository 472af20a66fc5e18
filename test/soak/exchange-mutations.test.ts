/** The short form of exchange-mutations.ts: some hundred damaged files of every format. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { smallFiles, tryMutations } from './exchange-mutations.ts';

for (const [index, { name, file }] of smallFiles().entries()) {
  test(`${name} of ${file.length} bytes, damaged: a named error or a valid model`, () => {
    const tally = tryMutations(file, 300, { seed: 1 + index });
    assert.equal(tally.tried, 300);
    assert.ok(tally.read > 0, 'some damage can not be detected');
    assert.ok(tally.errors.size > 1, 'there are several kinds of errors');
    assert.ok(tally.slowest < 1000, `${tally.slowest} ms`);
  });
}
