/** A long prompt needs one call of the engine and at most one read, because round trips to a GPU are slow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine, ReadTokens, Vector } from '../../src/engine/engine.ts';
import { NO_TOKEN } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import { LanguageModel } from '../../src/language-model.ts';
import { layoutOf } from '../../src/model/config.ts';
import { checkGenerateOptions, planSampling } from '../../src/sample/options.ts';
import { SequencePool } from '../../src/sample/pool/pool.ts';
import { beamSearch } from '../../src/sample/search/beam.ts';
import { likelyWords } from '../../src/sample/search/likely-words.ts';
import { writeTexts } from '../../src/sample/writer.ts';
import { nextTurn } from '../../src/util/event-loop.ts';
import { madeModel } from '../server/test-server.ts';

/** An engine that counts its calls up to the first token after the prompt. */
function counting() {
  const counts: Record<string, number> = {};
  const engine = new ReferenceEngine('float32');
  const proxy = new Proxy<Engine>(engine, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...call: unknown[]) => {
        counts[String(name)] = (counts[String(name)] ?? 0) + 1;
        return value.apply(target, call);
      };
    },
  });
  return { engine: proxy, counts };
}

const { checkpoint } = madeModel();
const model = new LanguageModel(checkpoint);
const { vocabulary } = model;
const tokens = Array.from({ length: 1000 }, (_, index) => index % vocabulary.size);

async function loaded() {
  const { engine, counts } = counting();
  const weights = engine.vector(layoutOf(checkpoint.config));
  engine.write(weights, checkpoint.parameters);
  return { engine, weights, counts, pool: poolOn(engine, weights) };
}

function poolOn(engine: Engine, weights: Vector): SequencePool {
  const vocabularySize = vocabulary.size;
  return new SequencePool({
    ...{ engine, weights, vocabularySize },
    ...{ capacity: 8, cacheBytes: 1 << 20, partTime: 10 },
  });
}

test('sampling reads a prompt of 1,000 characters in one call, and draws the text in another', async () => {
  const { pool, counts } = await loaded();
  const plan = planSampling(vocabulary, checkGenerateOptions({ length: 1 }));
  const prompt = { tokens, bytes: new Uint8Array(), notices: [], skipped: 0 };
  for await (const _ of writeTexts({
    pool,
    vocabulary,
    plan,
    echo: false,
    texts: [{ prompt, seed: 1 }],
  }));
  assert.deepEqual([counts.readTokens, counts.step, counts.read, counts.generate], [1, undefined, 1, 1]);
});

test('beam search and likely words also read the prompt in one call', async () => {
  const beam = await loaded();
  const plan = planSampling(vocabulary, checkGenerateOptions({ length: 1, beam: 2 }));
  await beamSearch({ ...beam, ...plan, prompt: tokens, constraint: undefined });
  assert.equal(beam.counts.readTokens, 1);
  assert.ok((beam.counts.step ?? 0) <= 1 && (beam.counts.read ?? 0) <= 2);
  const words = await loaded();
  await likelyWords({ ...words, vocabulary, prompt: tokens, count: 1 });
  assert.equal(words.counts.readTokens, 1);
});

/** An engine that reads one block in each turn of the event loop. The user aborts during the first block. */
async function interrupted() {
  const { engine, weights, counts } = await loaded();
  const controller = new AbortController();
  let underWay = Promise.resolve();
  const slow = new Proxy<Engine>(engine, {
    get(target, name) {
      if (name === 'readTokens') {
        return () => {
          counts.readTokens = (counts.readTokens ?? 0) + 1;
          underWay = underWay.then(nextTurn).then(() => controller.abort(new Error('enough')));
        };
      }
      if (name === 'read') {
        return async (...call: Parameters<Engine['read']>) => {
          await underWay;
          return target.read(...call);
        };
      }
      return Reflect.get(target, name, target);
    },
  });
  return { pool: poolOn(slow, weights), counts, signal: controller.signal };
}

test('a long prompt can be interrupted between two blocks', async () => {
  const long = Array.from({ length: 20_000 }, (_, index) => index % vocabulary.size);
  const plan = planSampling(vocabulary, checkGenerateOptions({ length: 1 }));
  const prompt = { tokens: long, bytes: new Uint8Array(), notices: [], skipped: 0 };
  const ways: Record<string, (on: Awaited<ReturnType<typeof interrupted>>) => Promise<unknown>> = {
    sampling: async (on) => {
      const texts = [{ prompt, seed: 1 }];
      for await (const _ of writeTexts({ ...on, vocabulary, plan, echo: false, texts }));
    },
    beam: (on) =>
      beamSearch({
        ...on,
        ...planSampling(vocabulary, checkGenerateOptions({ length: 1, beam: 2 })),
        prompt: long,
        constraint: undefined,
      }),
    words: (on) => likelyWords({ ...on, vocabulary, prompt: long, count: 1 }),
  };
  for (const [name, way] of Object.entries(ways)) {
    const on = await interrupted();
    await assert.rejects(way(on), /^Error: enough$/, name);
    assert.equal(on.counts.readTokens, 1, name);
  }
});

test('prompts of any lengths are read in one batch, completely and in order', async () => {
  const { engine, weights } = await loaded();
  const calls: Pick<ReadTokens, 'slots' | 'tokens'>[] = [];
  const watched = new Proxy<Engine>(engine, {
    get(target, name) {
      if (name !== 'readTokens') return Reflect.get(target, name, target);
      return (call: ReadTokens) => {
        calls.push(call);
        target.readTokens(call);
      };
    },
  });
  const pool = poolOn(watched, weights);
  const prompts = [Array(9000).fill(1), [3], Array(4097).fill(2), []];
  const slots = await Promise.all(
    prompts.map(
      (prompt) =>
        new Promise<number>((resolve, reject) => {
          const onRead = ({ slots: [slot = -1] }: { slots: readonly number[] }) => resolve(slot);
          pool.start({ prompt, sequences: [], onRead, onFailure: reject });
        }),
    ),
  );
  assert.equal(calls.length, 3);
  const read = slots.map((slot) =>
    calls.flatMap(({ slots: rows, tokens: all }) => {
      const row = rows.indexOf(slot);
      return row < 0 ? [] : [...all].filter((token, at) => at % rows.length === row && token !== NO_TOKEN);
    }),
  );
  assert.deepEqual(read, prompts);
  await pool.close();
});
