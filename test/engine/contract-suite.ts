/** Runs the parts of the contract suite against an engine, but for the tests that it is known not to pass. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from '../../src/engine/engine.ts';

/** Tests, by their names in the suite, that an engine does not pass, and why. They are reported as skipped. */
export interface Skip {
  readonly reason: string;
  readonly tests: readonly string[];
}

export interface ContractSubject {
  readonly name: string;
  make(): Engine | Promise<Engine>;
  /** Largest difference from exact results, relative to the largest element. */
  readonly tolerance: number;
  readonly skip?: readonly Skip[];
}

/** Adds a test. Its engine is closed at its end. */
export type AddTest = (what: string, run: (engine: Engine) => Promise<void>) => void;

/** A part of the suite adds its tests. */
export type ContractPart = (add: AddTest, tolerance: number) => void;

/** As `test` of `node:test`. */
type Register = (name: string, options: { readonly skip?: string }, body: () => Promise<void>) => unknown;

/** @throws {AssertionError} for a test that is to be skipped and does not exist, and for two of one name */
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
    `${name}: there are no tests ${unknown.join(', ')}, which are to be skipped`,
  );
}
