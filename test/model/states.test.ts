/** Slots for recurrent states. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ElementType } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { MemoryError } from '../../src/errors.ts';
import { layoutOf } from '../../src/model/config.ts';
import { StateSlots } from '../../src/model/states.ts';

/** An engine whose tensors have at most so many rows of states. */
class SmallEngine extends ReferenceEngine {
  readonly #most: number;

  constructor(most: number) {
    super('float32');
    this.#most = most;
  }

  override tensor(type: ElementType, shape: readonly number[]) {
    if ((shape[1] as number) > this.#most) throw new MemoryError('the engine has no memory left');
    return super.tensor(type, shape);
  }
}

const layout = layoutOf({ cell: 'lstm', layers: 2, hiddenSize: 3, vocabularySize: 4 });

test('slots grow to twice their number, or by as many as there is memory for', async () => {
  const engine = new SmallEngine(6);
  const slots = new StateSlots(engine, layout, 100);
  assert.deepEqual(slots.take(4), [0, 1, 2, 3]);
  const [first] = slots.states;
  assert.ok(first);
  const values = Float32Array.from({ length: 2 * 4 * 3 }, (_, i) => i + 1);
  engine.write(first, values);
  assert.deepEqual(slots.take(1), [4]);
  const [grown] = slots.states;
  assert.ok(grown);
  assert.deepEqual(grown.shape, [2, 5, 3]);
  const kept = await engine.read(grown);
  assert.deepEqual(kept.slice(0, 12), values.slice(0, 12));
  assert.deepEqual(kept.slice(15, 27), values.slice(12));
  assert.deepEqual(slots.take(1), [5]);
  assert.throws(() => slots.take(1), MemoryError);
  assert.equal(slots.used, 6);
  slots.give([2]);
  assert.deepEqual(slots.take(1), [2]);
  slots.release();
  assert.equal(engine.bytesInUse, 0);
});
