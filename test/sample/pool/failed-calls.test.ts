/** A call to the engine that fails makes its requests fail, and leaves nothing wrong behind for later ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from '../../../src/engine/engine.ts';
import { ReferenceEngine } from '../../../src/engine/reference/reference-engine.ts';
import { MemoryError } from '../../../src/errors.ts';
import { layoutOf } from '../../../src/model/config.ts';
import { initialParameters } from '../../../src/model/initial-parameters.ts';
import { holdSlots } from '../../../src/sample/pool/held-slots.ts';
import { SequencePool } from '../../../src/sample/pool/pool.ts';
import { MersenneTwister } from '../../../src/util/mersenne-twister.ts';

const layout = layoutOf({ cell: 'lstm', layers: 1, hiddenSize: 8, vocabularySize: 10 });
const prompt = Array.from({ length: 40 }, (_, index) => (index * 7) % 10);

/** A pool whose engine fails at the nth call of an operation. */
function poolThatFails(operation: 'readTokens' | 'read' | 'none', nth: number) {
  let calls = 0;
  return poolOn(operation, () => ++calls === nth);
}

/** A pool whose engine fails at those calls of an operation of which `fails` is true. */
function poolOn(operation: 'readTokens' | 'read' | 'tensor' | 'none', fails: (words: unknown[]) => boolean) {
  const real = new ReferenceEngine('float64');
  const engine = new Proxy<Engine>(real, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== operation) return value.bind(target);
      return (...words: unknown[]) => {
        if (!fails(words)) return value.apply(target, words);
        const error = new MemoryError('too little memory');
        if (operation === 'read') return Promise.reject(error);
        throw error;
      };
    },
  });
  const weights = engine.vector(layout);
  const values = initialParameters(layout, new MersenneTwister(3), 'float64').map((value) => 10 * value);
  engine.write(weights, values);
  return new SequencePool({
    engine,
    weights,
    vocabularySize: 10,
    capacity: 8,
    cacheBytes: 1e6,
    partTime: 10,
  });
}

async function predict(pool: SequencePool, tokens: readonly number[]): Promise<readonly number[]> {
  const held = await holdSlots(pool, { prompt: tokens, count: 1 });
  held.release();
  return [...held.logProbabilities];
}

for (const operation of ['readTokens', 'read'] as const) {
  for (const nth of [1, 2]) {
    test(`${operation} fails at call ${nth}: later predictions are those of an undisturbed pool`, async () => {
      const [pool, whole] = [poolThatFails(operation, nth), poolThatFails('none', 0)];
      const all = [prompt.slice(0, 20), prompt, [...prompt, 1, 2]];
      let failures = 0;
      for (const tokens of [...all, ...all]) {
        const expected = await predict(whole, tokens);
        const got = await predict(pool, tokens).catch((error: unknown) => {
          assert.ok(error instanceof MemoryError);
          failures++;
        });
        if (got) assert.deepEqual(got, expected);
      }
      assert.equal(failures, 1);
      await Promise.all([pool.close(), whole.close()]);
    });
  }
}

test('a request for which the engine has no slots fails alone', async () => {
  // States are [parts, slots, units].
  const pool = poolOn('tensor', ([, shape]) => Array.isArray(shape) && shape.length === 3 && shape[1] > 4);
  const results = await Promise.allSettled(
    [2, 6, 1].map((count) => holdSlots(pool, { prompt: [1, 2], count })),
  );
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  await pool.close();
});
