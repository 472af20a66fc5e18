/** An engine can skip tests of the contract suite, but only by name and with a reason. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { type ContractPart, runContract, type Skip } from './contract-suite.ts';

const parts: readonly ContractPart[] = [
  (add) => add('adds', async () => {}),
  (add, tolerance) =>
    add('draws', async () => {
      throw new Error(`within ${tolerance}`);
    }),
];

/** The names of the registered tests, with the reasons to skip them. Runs the tests that have no reason. */
async function registered(skip?: readonly Skip[]) {
  const names: [string, string | undefined][] = [];
  const bodies: (() => Promise<void>)[] = [];
  const make = () => new ReferenceEngine('float32');
  runContract({ name: 'page', make, tolerance: 2, ...(skip && { skip }) }, parts, (name, options, body) => {
    names.push([name, options.skip]);
    if (options.skip === undefined) bodies.push(body);
  });
  await Promise.all(bodies.map((body) => body()));
  return names;
}

test('a skipped test is registered with its reason, and all others run', async () => {
  await assert.rejects(registered(), /within 2/);
  assert.deepEqual(await registered([{ reason: 'it has no float64', tests: ['draws'] }]), [
    ['page: adds', undefined],
    ['page: draws', 'it has no float64'],
  ]);
});

test('skipping a test that does not exist is an error, and so are two tests of the same name', async () => {
  await assert.rejects(
    registered([{ reason: 'it has no float64', tests: ['draws', 'draw'] }]),
    /page: the tests to skip include draw, which does not exist/,
  );
  const make = () => new ReferenceEngine('float32');
  assert.throws(
    () => runContract({ name: 'page', make, tolerance: 1 }, [...parts, ...parts], () => {}),
    /two tests "adds"/,
  );
});
