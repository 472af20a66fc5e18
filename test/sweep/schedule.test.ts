/** Successive halving: where rungs end, and who goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { promoted, ranked, rungsOf } from '../../src/sweep/schedule.ts';

const halving = { rungs: 3, eta: 3 };

test('three rungs with eta 3: a ninth, a third and all of the run, each at an evaluation', () => {
  const run = { iterations: 900, evaluateEvery: undefined, evaluatesAtEnd: true };
  assert.deepEqual(rungsOf(run, halving), { evaluateEvery: 100, rungs: [100, 300, 900] });
  // The last evaluation of a run follows its last iteration.
  assert.deepEqual(rungsOf({ ...run, iterations: 950 }, halving), {
    evaluateEvery: 105,
    rungs: [105, 315, 950],
  });
  assert.deepEqual(rungsOf({ ...run, evaluateEvery: 40 }, halving), {
    evaluateEvery: 40,
    rungs: [80, 280, 900],
  });
});

test('a run that does not evaluate at its end ends with its last evaluation', () => {
  const run = { iterations: 950, evaluateEvery: 100, evaluatesAtEnd: false };
  assert.deepEqual(rungsOf(run, halving)?.rungs, [100, 300, 900]);
  assert.deepEqual(rungsOf(run, { rungs: 1, eta: 3 })?.rungs, [900]);
});

test('without halving, a run evaluates every 1000 iterations, a short one at its end', () => {
  const run = { iterations: 5500, evaluateEvery: undefined, evaluatesAtEnd: true };
  assert.deepEqual(rungsOf(run, { rungs: 1, eta: 3 }), { evaluateEvery: 1000, rungs: [5500] });
  assert.deepEqual(rungsOf({ ...run, iterations: 50 }, { rungs: 1, eta: 3 }), {
    evaluateEvery: 50,
    rungs: [50],
  });
});

test('a run too short for its rungs has none', () => {
  const run = { iterations: 900, evaluateEvery: 200, evaluatesAtEnd: true };
  assert.equal(rungsOf(run, halving), undefined);
  assert.equal(rungsOf({ ...run, iterations: 5, evaluateEvery: undefined }, halving), undefined);
  assert.equal(
    rungsOf({ ...run, evaluateEvery: 1000, evaluatesAtEnd: false }, { rungs: 1, eta: 3 }),
    undefined,
  );
});

test('rungs are increasing multiples of the evaluations, at most as long as their share of the run', () => {
  const natural = fc.integer({ min: 1, max: 100_000 });
  fc.assert(
    fc.property(natural, fc.option(natural, { nil: undefined }), fc.boolean(), (iterations, every, atEnd) => {
      const found = rungsOf({ iterations, evaluateEvery: every, evaluatesAtEnd: atEnd }, halving);
      if (!found) return;
      const { rungs, evaluateEvery } = found;
      assert.equal(rungs.length, 3);
      rungs.forEach((end, rung) => {
        assert.ok(end > (rungs[rung - 1] ?? 0) && end <= iterations / 3 ** (2 - rung));
        assert.ok(end % evaluateEvery === 0 || (rung === 2 && atEnd && end === iterations));
      });
    }),
  );
});

test('the best third goes on; equal losses by number; those without a loss never', () => {
  const losses = [3, 1, undefined, 1, 2, 1, 5];
  const results = losses.map((loss, index) => ({ trial: index + 1, loss }));
  assert.deepEqual(promoted(results, 3), [2, 4]);
  assert.deepEqual(promoted(results, 2), [2, 4, 6]);
  assert.deepEqual(promoted(results.slice(0, 2), 3), [2], 'at least one');
  assert.deepEqual(promoted([{ trial: 1, loss: undefined }], 3), []);
  assert.deepEqual(
    ranked(results).map(({ trial }) => trial),
    [2, 4, 6, 5, 1, 7, 3],
  );
});

test('the order in which results arrive does not matter', () => {
  const result = fc.record({
    trial: fc.integer({ min: 1, max: 1000 }),
    loss: fc.option(fc.constantFrom(1, 1.5, 2), { nil: undefined }),
  });
  const results = fc.uniqueArray(result, { selector: ({ trial }) => trial, minLength: 1 });
  fc.assert(
    fc.property(results, (all) => {
      assert.deepEqual(promoted(all.toReversed(), 3), promoted(all, 3));
    }),
  );
});
