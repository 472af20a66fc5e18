/** If the engine is lost during a run, the caller gets its error, and nothing is left pending. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { memoryStorage } from '../../src/checkpoint/storage/memory-storage.ts';
import type { CheckpointStorage } from '../../src/checkpoint/storage/storage.ts';
import { buildCorpus } from '../../src/data/corpus.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import type { MakeEngine } from '../../src/engine/select.ts';
import { EngineLostError } from '../../src/errors.ts';
import type { TrainingEvent } from '../../src/train/events.ts';
import { checkTrainingOptions, type TrainingOptions } from '../../src/train/options.ts';
import { trainOn } from '../../src/train/train.ts';
import type { Given } from '../../src/util/check-options.ts';

/** An engine whose reads fail once `isLost` returns true. */
function losable(depth: number, isLost: () => boolean): MakeEngine {
  return async () => {
    const engine = new ReferenceEngine('float32');
    const proxy = new Proxy<Engine>(engine, {
      get(target, name) {
        if (name === 'description') return { ...target.description, depth };
        if (name === 'read') {
          return async (...call: Parameters<Engine['read']>) => {
            await setImmediate();
            if (isLost()) throw new EngineLostError('the device is gone');
            return await target.read(...call);
          };
        }
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    return { engine: proxy, notice: undefined };
  };
}

async function run(
  makeEngine: MakeEngine,
  storage: CheckpointStorage,
  more: Given<TrainingOptions>,
  onEvent?: (event: TrainingEvent) => void,
): Promise<void> {
  const shape = { hiddenSize: 4, layers: 1, batchSize: 2, sequenceLength: 5 };
  const options = checkTrainingOptions({ ...shape, precision: 'float32', ...more });
  const text = 'the keeper of the harbour light walked along the wall in the rain. '.repeat(60);
  const corpus = await buildCorpus({ text, name: 'the text' }, options);
  for await (const event of trainOn(corpus, options, { makeEngine, storage })) onEvent?.(event);
}

test('a save is completed before the storage is closed', async () => {
  for (const onExplosion of ['stop', 'retry'] as const) {
    const order: string[] = [];
    const memory = memoryStorage();
    const storage: CheckpointStorage = {
      ...memory,
      async save(name, parts) {
        order.push('save begins');
        await setTimeout(50);
        const path = await memory.save(name, parts);
        order.push('save ends');
        return path;
      },
      async close() {
        order.push('closed');
      },
    };
    const makeEngine = losable(1, () => order.length > 0);
    const running = run(makeEngine, storage, { checkpointEvery: '3', evaluateEvery: 1000, onExplosion });
    await assert.rejects(running, { code: 'engine-lost' });
    await setTimeout(100);
    assert.deepEqual(order, ['save begins', 'save ends', 'closed']);
    assert.ok([...memory.files.keys()].some((name) => name.startsWith('lm_')));
  }
});

test('if several iterations are in flight, all of them fail, and no error is unhandled', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    for (const [depth, accumulate] of [[2], [4], [7], [1, 4], [3, 4]] as const) {
      let isLost = false;
      const onEvent = (event: TrainingEvent) => {
        if (event.type === 'iteration' && event.iteration === 10) isLost = true;
      };
      const running = run(
        losable(depth, () => isLost),
        memoryStorage(),
        { onExplosion: 'stop', accumulate },
        onEvent,
      );
      await assert.rejects(running, { code: 'engine-lost' });
      for (let turn = 0; turn < 5; turn++) await setImmediate();
    }
  } finally {
    process.off('unhandledRejection', note);
  }
  assert.deepEqual(unhandled, []);
});
