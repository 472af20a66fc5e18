import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { likeliestTokens } from '../../src/model/token-details.ts';

test('the most likely tokens are the first ones of the sorted list; of equals, the smaller token', () => {
  const logs = fc.oneof(
    fc.double({ min: -9, max: 0, noNaN: true }),
    fc.constantFrom(-1, -2, Number.NEGATIVE_INFINITY, Number.NaN),
  );
  fc.assert(
    fc.property(fc.array(logs, { maxLength: 30 }), fc.nat(35), (values, count) => {
      const sorted = values
        .map((value, token) => ({
          token,
          logProbability: Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value,
        }))
        // The difference of two infinities is NaN.
        .sort((a, b) =>
          a.logProbability === b.logProbability
            ? a.token - b.token
            : a.logProbability < b.logProbability
              ? 1
              : -1,
        );
      assert.deepEqual(likeliestTokens(Float64Array.from(values), count), sorted.slice(0, count));
    }),
  );
});
