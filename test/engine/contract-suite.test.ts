/** That an engine can leave tests of the contract suite out by name alone, with a reason. */
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

/** What is registered: name and reason. The bodies of those without a reason are run. */
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

test('a test that is to be skipped is registered with its reason, every other one runs', async () => {
  await assert.rejects(registered(), /within 2/);
  assert.deepEqual(await registered([{ reason: 'it has no float64', tests: ['draws'] }]), [
    ['page: adds', undefined],
    ['page: draws', 'it has no float64'],
  ]);
});

test('a test that is to be skipped and does not exist is an error, and so are two of one name', async () => {
  await assert.rejects(
    registered([{ reason: 'it has no float64', tests: ['draws', 'draw'] }]),
    /page: there are no tests draw, which are to be skipped/,
  );
  const make = () => new ReferenceEngine('float32');
  assert.throws(
    () => runContract({ name: 'page', make, tolerance: 1 }, [...parts, ...parts], () => {}),
    /two tests "adds"/,
  );
});
