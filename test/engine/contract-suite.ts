/** Runs the parts of the contract suite against an engine, except the tests that it is known to fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from '../../src/engine/engine.ts';

/** Tests, by their names in the suite, that an engine fails, and the reason. They are reported as skipped. */
export interface Skip {
  readonly reason: string;
  readonly tests: readonly string[];
}

export interface ContractSubject {
  readonly name: string;
  make(): Engine | Promise<Engine>;
  /** Maximum difference from exact results, relative to the largest element. */
  readonly tolerance: number;
  readonly skip?: readonly Skip[];
}

/** Adds a test. Its engine is closed at its end. */
export type AddTest = (what: string, run: (engine: Engine) => Promise<void>) => void;

/** A part of the suite adds its tests. */
export type ContractPart = (add: AddTest, tolerance: number) => void;

/** Like `test` of `node:test`. */
type Register = (name: string, options: { readonly skip?: string }, body: () => Promise<void>) => unknown;

/** @throws {AssertionError} for a test to skip that does not exist, and for two tests of the same name */
export function runContract(
  { name, make, tolerance, skip = [] }: ContractSubject,
  parts: readonly ContractPart[],
  register: Register = test,
): void {
  const reasons = new Map(skip.flatMap(({ reason, tests }) => tests.map((what) => [what, reason])));
  const added = new Set<string>();
  const add: AddTest = (what, run) => {
    assert.ok(!added.has(what), `there are two tests "${what}"`);
    added.add(what);
    const reason = reasons.get(what);
    register(`${name}: ${what}`, reason === undefined ? {} : { skip: reason }, async () => {
      const engine = await make();
      await run(engine);
      await engine.close();
    });
  };
  for (const part of parts) part(add, tolerance);
  const unknown = [...reasons.keys()].filter((what) => !added.has(what));
  assert.ok(
    unknown.length === 0,
    `${name}: the tests to skip include ${unknown.join(', ')}, which does not exist`,
  );
}
