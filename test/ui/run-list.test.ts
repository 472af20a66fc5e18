/** The list of runs: every reader that applies the changes it gets has the same runs, however slow it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RunChange, RunSummary } from '../../src/ui/protocol.ts';
import { RunList } from '../../src/ui/server/run-list.ts';

const summary = (id: string, iteration: number) => ({ id, iteration }) as RunSummary;
const change = (changed: RunSummary[], removed: string[] = []) => ({
  ...{ changed, removed, isSearching: false, notices: [] },
});

function apply(known: Map<string, number>, { isComplete, changed, removed }: RunChange): void {
  if (isComplete) known.clear();
  for (const { id, iteration } of changed) known.set(id, iteration);
  for (const id of removed) known.delete(id);
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('change' as const), id: fc.constantFrom('a', 'b', 'c'), value: fc.nat(9) }),
  fc.record({ kind: fc.constant('remove' as const), id: fc.constantFrom('a', 'b', 'c') }),
  fc.record({ kind: fc.constantFrom('read' as const, 'clear' as const) }),
);

test('a reader that applies the changes has the runs of the list', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const list = new RunList(['cv'], 'g');
      const known = new Map<string, number>();
      let position: string | undefined;
      const read = () => {
        const next = list.after(position);
        apply(known, next);
        position = next.position;
      };
      const expected = new Map<string, number>();
      for (const one of steps) {
        if (one.kind === 'read') read();
        if (one.kind === 'clear') list.clear();
        if (one.kind === 'clear') expected.clear();
        if (one.kind === 'change') list.add(change([summary(one.id, one.value)]));
        if (one.kind === 'change') expected.set(one.id, one.value);
        if (one.kind === 'remove') list.add(change([], [one.id]));
        if (one.kind === 'remove') expected.delete(one.id);
      }
      read();
      assert.deepEqual(new Map([...known].sort()), new Map([...expected].sort()));
    }),
  );
});

test('positions of another list, or of nothing, get everything', () => {
  const list = new RunList(['cv'], 'g');
  list.add(change([summary('a', 1)]));
  for (const position of [undefined, '', 'x.1', 'g.', 'g.x', 'g.1e9', 'g.-1', 'g.99'])
    assert.equal(list.after(position).isComplete, true, String(position));
  assert.deepEqual(list.after(list.after(undefined).position).changed, []);
});

test('a reader that missed more removals than are remembered gets everything', () => {
  const list = new RunList(['cv'], 'g');
  const ids = Array.from({ length: 2000 }, (_, index) => `r${index}`);
  list.add(change(ids.map((id) => summary(id, 1))));
  const { position } = list.after(undefined);
  for (const id of ids) list.add(change([], [id]));
  assert.equal(list.after(position).isComplete, true);
});

test('readers wait for a change, or until they go away', async () => {
  const list = new RunList(['cv'], 'g');
  list.add(change([summary('a', 1)]));
  const { position } = list.after(undefined);
  const readers = Array.from({ length: 1000 }, () => new AbortController());
  const waiting = readers.map(({ signal }) => list.waitForChange(position, signal));
  assert.equal(list.readers, 1000);
  for (const reader of readers) reader.abort();
  await Promise.all(waiting);
  assert.equal(list.readers, 0);
  const next = list.waitForChange(position, new AbortController().signal);
  list.add(change([summary('a', 2)]));
  await next;
  assert.equal(list.after(position).changed[0]?.iteration, 2);
});
