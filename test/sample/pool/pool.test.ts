/** The tokens of a sequence depend neither on other sequences, nor on the cache, nor on when its request came. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Vocabulary } from '../../../src/data/vocabulary.ts';
import type { FloatArray, Generate, ReadTokens } from '../../../src/engine/engine.ts';
import type { EngineName } from '../../../src/engine/select.ts';
import { LanguageModel } from '../../../src/language-model.node.ts';
import { loadedModel } from '../../../src/language-model.ts';
import { controlsSchema, resolveControls } from '../../../src/sample/choice/controls.ts';
import { SequencePool } from '../../../src/sample/pool/pool.ts';
import type { EngineSampling, RequestHandle } from '../../../src/sample/pool/request.ts';
import { sequenceSeed } from '../../../src/sample/sequence-seed.ts';
import { MersenneTwister } from '../../../src/util/mersenne-twister.ts';
import { madeCheckpoint } from '../../checkpoint/made-checkpoint.ts';
import { madeModel } from '../../server/test-server.ts';

/** Controls with only a temperature. */
function drawnBy(vocabulary: Vocabulary, temperature: number, seed: number): EngineSampling {
  const controls = resolveControls(vocabulary, controlsSchema.parse({ temperature }));
  return { controls, generator: new MersenneTwister(seed), recent: undefined };
}

async function setUp(
  context: TestContext,
  { engine = 'auto' as EngineName, capacity = 16, cacheBytes = 1e5, partTime = 2 } = {},
) {
  const { checkpoint } = madeModel();
  const model = new LanguageModel(checkpoint, { engine, threads: 1 });
  const { vocabulary } = model;
  const pool = new SequencePool({
    ...(await loadedModel(model)),
    vocabularySize: vocabulary.size,
    capacity,
    cacheBytes,
    partTime,
  });
  context.after(async () => {
    await pool.close();
    await model.close();
  });
  const encode = (text: string) => Array.from(text, (symbol) => vocabulary.tokenOf(symbol) as number);
  const decode = (tokens: readonly number[]) => tokens.map((token) => vocabulary.symbolOf(token)).join('');
  /** Texts that continue a prompt; sequence k has the seed `sequenceSeed(seed, k)`. */
  const write = (
    prompt: string,
    {
      length = 50,
      seed = 1,
      temperature = 1,
      count = 1,
      onHandle = (_: RequestHandle) => {},
      onTake = () => {},
    } = {},
  ) =>
    new Promise<{ texts: string[]; cachedTokens: number }>((resolve, reject) => {
      const drawn: number[][] = Array.from({ length: count }, () => []);
      let left = count;
      let cachedTokens = 0;
      const handle = pool.start({
        prompt: encode(prompt),
        onFailure: reject,
        onRead: (facts) => {
          cachedTokens = facts.cachedTokens;
        },
        sequences: drawn.map((own, k) => ({
          sampling: drawnBy(vocabulary, temperature, sequenceSeed(seed, k)),
          get length() {
            return own.length;
          },
          get left() {
            return length - own.length;
          },
          take(tokens) {
            for (let i = 0; i < tokens.length && own.length < length; i++) own.push(tokens[i] as number);
            onTake();
            if (own.length < length) return true;
            left--;
            if (left === 0) resolve({ texts: drawn.map(decode), cachedTokens });
            return false;
          },
        })),
      });
      onHandle(handle);
    });
  return { vocabulary, model, pool, encode, write };
}

for (const engine of ['auto', 'reference'] as const) {
  test(`sequences that join and leave give the same texts as alone (${engine})`, async (context) => {
    const { model, write } = await setUp(context, { engine });
    const requests = Array.from({ length: 40 }, (_, k) => ({
      prompt: 'It was a dark and stormy night.'.slice(0, k % 31),
      length: 1 + ((k * 37) % 200),
      seed: k,
      temperature: [1, 0.5, 0][k % 3] as number,
    }));
    const texts = await Promise.all(
      requests.map(async ({ prompt, ...rest }, k) => {
        await new Promise((resolve) => setTimeout(resolve, k % 7));
        return (await write(prompt, rest)).texts[0];
      }),
    );
    for (const [k, { length, seed, temperature, prompt }] of requests.entries()) {
      const [alone] = await model.generateAll({ prompts: [prompt], length, seed, temperature });
      assert.equal(texts[k], alone, `request ${k}`);
    }
  });
}

test('a call draws 64 tokens of a short text, and up to 512 of a long one', async (context) => {
  const { pool, write } = await setUp(context, { partTime: 1e6 });
  const { engine } = pool;
  const generate = engine.generate.bind(engine);
  const calls: number[] = [];
  Object.assign(engine, {
    generate: (call: Generate) => {
      calls.push(call.uniforms.length / call.slots.length);
      return generate(call);
    },
  });
  await write('a', { length: 2000 });
  let drawn = 0;
  for (const steps of calls) {
    assert.ok(steps <= Math.max(64, drawn), `${steps} steps after ${drawn} tokens`);
    drawn += steps;
  }
  assert.equal(Math.max(...calls), 512);
  assert.equal(drawn, 2000);
});

test('a cached prefix is not read again, and does not change the text', async (context) => {
  const { model, write } = await setUp(context);
  const prefix = 'All happy families are alike; each unhappy family is unhappy in its own way. ';
  const first = await write(`${prefix}A`, { seed: 4 });
  const again = await write(`${prefix}A`, { seed: 4 });
  const other = await write(`${prefix}Everything`, { seed: 4 });
  assert.equal(first.cachedTokens, 0);
  assert.equal(again.cachedTokens, prefix.length, 'all but the last token');
  assert.equal(other.cachedTokens, prefix.length, 'the prefix that they share');
  assert.deepEqual(again.texts, first.texts);
  assert.deepEqual(
    other.texts,
    await model.generateAll({ prompts: [`${prefix}Everything`], length: 50, seed: 4 }),
  );
});

test('several sequences of a prompt read it once', async (context) => {
  const { model, write } = await setUp(context);
  const { texts } = await write('Call me ', { count: 5, seed: 9 });
  assert.deepEqual(
    texts,
    await model.generateAll({ prompts: Array(5).fill('Call me '), length: 50, seed: 9 }),
  );
});

test('a cache without capacity does not change the text; a small one evicts states', async (context) => {
  for (const cacheBytes of [0, 1200, 6000]) {
    const { model, write } = await setUp(context, { cacheBytes });
    for (let round = 0; round < 2; round++) {
      for (const prompt of ['a'.repeat(70), 'b'.repeat(70), 'a'.repeat(40), 'ab'.repeat(40)]) {
        const { texts } = await write(prompt, { length: 10 });
        assert.deepEqual(texts, await model.generateAll({ prompts: [prompt], length: 10, seed: 1 }));
      }
    }
  }
});

test('requests wait when there are no free slots', async (context) => {
  const { model, pool, write } = await setUp(context, { capacity: 3 });
  const texts = await Promise.all(
    Array.from({ length: 10 }, (_, seed) => write('x', { seed, count: 1 + (seed % 3) })),
  );
  for (const [seed, { texts: own }] of texts.entries()) {
    assert.deepEqual(own, await model.generateAll({ prompts: own.map(() => 'x'), length: 50, seed }));
  }
  assert.equal(pool.waiting, 0);
  assert.throws(() => pool.start({ prompt: [], sequences: Array(4), onFailure() {} }), RangeError);
});

test('a cancelled request frees its slots; a paused one continues where it was', {
  timeout: 60_000,
}, async (context) => {
  const { model, pool, write } = await setUp(context, { capacity: 2 });
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  };
  let endless: RequestHandle | undefined;
  /** How often each request got tokens. */
  const taken = { endless: 0, paused: 0 };
  const another = async (name: keyof typeof taken, count = 1) => {
    const enough = taken[name] + count;
    await until(() => taken[name] >= enough);
  };
  write('x', {
    length: 1e9,
    onHandle: (handle) => (endless = handle),
    onTake: () => taken.endless++,
  }).catch(() => {});
  let handle: RequestHandle | undefined;
  const paused = write('y', {
    length: 4000,
    seed: 3,
    onHandle: (given) => (handle = given),
    onTake: () => taken.paused++,
  });
  for (let i = 0; i < 3; i++) {
    await another('paused');
    handle?.pause(true);
    // It still gets the tokens of a call that is under way.
    await another('endless', 2);
    const before = taken.paused;
    await another('endless', 2);
    assert.equal(taken.paused, before, 'nothing is computed for a paused request');
    handle?.pause(false);
  }
  assert.deepEqual((await paused).texts, await model.generateAll({ prompts: ['y'], length: 4000, seed: 3 }));
  endless?.cancel();
  await write('z');
  await until(() => pool.used === 0);
});

test('a model reads a long prompt in calls of limited time, and makes no more of them after it was cancelled', async () => {
  const model = new LanguageModel(madeModel().checkpoint, { threads: 1 });
  const { engine } = await loadedModel(model);
  const readTokens = engine.readTokens.bind(engine);
  const calls: number[] = [];
  const stopped = new AbortController();
  Object.assign(engine, {
    readTokens: (call: ReadTokens) => {
      calls.push(call.tokens.length / call.slots.length);
      stopped.abort();
      readTokens(call);
    },
  });
  const text = model.generate({ prompt: 'x'.repeat(3000), signal: stopped.signal });
  await assert.rejects(text.next(), { name: 'AbortError' });
  await model.close();
  assert.equal(calls.length, 1);
  assert.ok((calls[0] as number) < 1000, `${calls[0]} tokens`);
});

test('a request that comes in the turn in which all others pause is started', {
  timeout: 10_000,
}, async (context) => {
  const { pool, encode, write, vocabulary } = await setUp(context);
  const text = await new Promise<string | undefined>((resolve, reject) => {
    const handle = pool.start({
      prompt: encode('x'),
      onFailure: reject,
      sequences: [
        {
          sampling: drawnBy(vocabulary, 1, 1),
          length: 0,
          left: 1e9,
          take() {
            handle.pause(true);
            write('y', { length: 30 }).then(({ texts }) => resolve(texts[0]), reject);
            return true;
          },
        },
      ],
    });
  });
  assert.equal(text?.length, 30);
});

test('an error in a callback fails only its own request', async (context) => {
  const { pool, encode, write } = await setUp(context);
  const broken = new Promise((resolve) => {
    const source = (_: FloatArray): number => {
      throw new RangeError('broken');
    };
    pool.start({
      prompt: encode('x'),
      sequences: [{ sampling: source, length: 0, left: 5, take: () => true }],
      onFailure: resolve,
    });
  });
  const [error, { texts }] = await Promise.all([broken, write('y', { length: 30 })]);
  assert.match(String(error), /broken/);
  assert.equal(texts[0]?.length, 30);
});

test('the token for unknown characters is never drawn', async (context) => {
  const model = new LanguageModel(madeCheckpoint(), { threads: 1 });
  context.after(() => model.close());
  const { vocabulary } = model;
  const pool = new SequencePool({
    ...(await loadedModel(model)),
    vocabularySize: vocabulary.size,
    capacity: 1,
    cacheBytes: 0,
    partTime: 2,
  });
  const drawn: number[] = [];
  await new Promise<void>((resolve, reject) => {
    pool.start({
      prompt: [],
      onFailure: reject,
      sequences: [
        {
          sampling: drawnBy(vocabulary, 1, 1),
          length: 0,
          left: 500,
          take(tokens) {
            drawn.push(...Array.from(tokens));
            if (drawn.length >= 500) resolve();
            return drawn.length < 500;
          },
        },
      ],
    });
  });
  await pool.close();
  assert.ok(!drawn.includes(vocabulary.unknownToken as number));
});
