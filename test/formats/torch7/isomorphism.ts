/** Compares two object graphs of Torch7 files, ignoring the order of keys and the contents of buffers. */
import assert from 'node:assert/strict';
import {
  type Reference,
  Storage,
  Table,
  Tensor,
  TorchObject,
  type Value,
} from '../../../src/formats/torch7/values.ts';

interface Pair {
  readonly actual: Value;
  readonly expected: Value;
  readonly path: string;
}

/** Fields with numbers left over from the last batch, which are not compared. Their types, sizes and positions are. */
const BUFFERS = new Set(['gradWeight', 'gradBias', 'batchsize', 'output_tensor', 'target']);

/**
 * Walks both graphs in parallel and fails at the first difference: in a value, a class, a shape, a number of a tensor, or in whether two
 * references are to the same object.
 */
export function assertSameGraph(actual: Value, expected: Value): void {
  const partner = new Map<Reference, Reference>();
  const taken = new Set<Reference>();
  const waiting: Pair[] = [{ actual, expected, path: 'root' }];
  const tables: { actual: Table; expected: Table; path: string }[] = [];
  for (let pair = waiting.pop(); pair; pair = waiting.pop()) {
    const { actual: a, expected: b, path } = pair;
    if (!isReference(a) || !isReference(b)) {
      assert.strictEqual(a, b, path);
      continue;
    }
    const known = partner.get(a);
    if (known || taken.has(b)) {
      assert.ok(known === b, `${path}: the same object here, another one there`);
      continue;
    }
    partner.set(a, b);
    taken.add(b);
    assert.equal(a.constructor, b.constructor, path);
    if (a instanceof Table && b instanceof Table) {
      tables.push({ actual: a, expected: b, path });
      assert.equal(a.size, b.size, `${path}: keys ${shownKeys(a)}, not ${shownKeys(b)}`);
      for (const [place, key] of a.keys.entries()) {
        if (isReference(key)) continue;
        assert.ok(b.keys.includes(key), `${path}: ${key} is not there`);
        waiting.push({ actual: a.values[place] ?? null, expected: b.get(key), path: `${path}.${key}` });
      }
    } else if (a instanceof TorchObject && b instanceof TorchObject) {
      assert.equal(a.className, b.className, path);
      waiting.push({ actual: a.payload, expected: b.payload, path: `${path}(${a.className})` });
    } else if (a instanceof Tensor && b instanceof Tensor) {
      const { storage: _, ...shape } = a;
      const { storage: __, ...expectedShape } = b;
      assert.deepEqual(shape, expectedShape, path);
      waiting.push({ actual: a.storage, expected: b.storage, path });
    } else if (a instanceof Storage && b instanceof Storage) {
      assert.equal(a.className, b.className, path);
      assert.equal(a.length, b.length, path);
      const isBuffer = path.split('.').some((field) => BUFFERS.has(field));
      assert.ok(isBuffer || Buffer.from(a.bytes).equals(b.bytes), `${path}: other numbers`);
    }
  }
  // Once the objects are matched, compare the entries whose keys are objects.
  for (const { actual: a, expected: b, path } of tables) {
    for (const [place, key] of a.keys.entries()) {
      if (!isReference(key)) continue;
      const other = partner.get(key);
      assert.ok(other && b.keys.includes(other), `${path}: a key that is an object is not there`);
      const value = a.values[place] ?? null;
      assert.strictEqual(isReference(value) ? partner.get(value) : value, b.get(other), path);
    }
  }
}

function isReference(value: Value): value is Reference {
  return value !== null && typeof value === 'object';
}

function shownKeys(table: Table): string {
  return table.keys
    .slice(0, 30)
    .map((key) => (isReference(key) ? key.constructor.name : key))
    .join(', ');
}
