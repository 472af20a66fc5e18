/** Which prefixes are cached, which are evicted first, and what that costs. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { loadedModel } from '../../../src/language-model.ts';
import { PrefixCache, type PrefixNode } from '../../../src/sample/pool/prefix-cache.ts';
import { madeModel } from '../../server/test-server.ts';

/** Bytes of a state of the model and its node in the tree. */
const STATE = 560;

async function setUp(context: TestContext, states: number) {
  const model = madeModel();
  const { engine, weights } = await loadedModel(model);
  const cache = new PrefixCache(engine, weights.layout, states * STATE);
  context.after(async () => {
    cache.release();
    await model.close();
  });
  /** Caches the states of a prompt like the pool does while it reads the prompt. */
  const read = (prompt: readonly number[]) => {
    let kept: PrefixNode | undefined = cache.find(prompt);
    for (const length of cache.lengthsToKeep(prompt, kept.length, prompt.length))
      kept = kept && cache.keep(kept, prompt, length)?.node;
  };
  return { cache, read };
}

const repeated = (token: number, length: number) => Array<number>(length).fill(token);

test('the least recently used state is evicted first; of a prompt, its end', async (context) => {
  const { cache, read } = await setUp(context, 4);
  const [long, short, other, third] = [
    repeated(1, 40),
    repeated(2, 17),
    repeated(3, 17),
    [...repeated(4, 17), 5],
  ];
  read(long);
  read(short);
  assert.deepEqual([cache.size, cache.find(short).length, cache.find(long).length], [4, 16, 39]);
  read(other);
  assert.deepEqual(
    [cache.size, cache.find(short).length],
    [4, 0],
    'the short one was used before the long one',
  );
  read(third);
  assert.deepEqual([cache.find(long).length, cache.find(other).length], [16, 16]);
});

test('a prompt is cached as far as there is capacity, without evicting its own start', async (context) => {
  const { cache, read } = await setUp(context, 2);
  read(repeated(1, 100));
  assert.equal(cache.find(repeated(1, 100)).length, 32);
});

test('the time to cache a prompt is proportional to its length', async (context) => {
  const { cache, read } = await setUp(context, 7000);
  const start = process.cpuUsage();
  read(repeated(1, 100_000));
  const milliseconds = process.cpuUsage(start).user / 1000;
  assert.equal(cache.size, 6251, 'every 16 tokens, and before the last');
  // A time that grew with the square would be minutes.
  assert.ok(milliseconds < 10_000, `${milliseconds} ms`);
});
