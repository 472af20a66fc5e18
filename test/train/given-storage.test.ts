/** Storages and observers that a program passes to `train`. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { folderStorage } from '../../src/checkpoint/storage/folder-storage.node.ts';
import { memoryStorage } from '../../src/checkpoint/storage/memory-storage.ts';
import type { TrainingEvent } from '../../src/train/events.ts';
import { train as trainInNode } from '../../src/train/train.node.ts';
import { train } from '../../src/train/train.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const text = 'the harbour wall, the sea and the boats. '.repeat(40);
const small = { text, hiddenSize: 4, layers: 1, batchSize: 4, sequenceLength: 10, maxIterations: 30 };

async function eventsOf(input: object): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of train({ ...small, engine: 'reference', ...input })) events.push(event);
  return events;
}

test('an error of any kind in a save is a warning, and training goes on', async () => {
  for (const method of ['save', 'point'] as const) {
    const memory = memoryStorage();
    let calls = 0;
    const flaky = {
      ...memory,
      place: 'db',
      async [method](...call: never[]) {
        calls++;
        if (calls === 2) throw new Error('connection lost');
        return (memory[method] as (...call: never[]) => never)(...call);
      },
    };
    const events = await eventsOf({ checkpointDir: flaky, checkpointEvery: '10' });
    const warnings = events.flatMap((event) =>
      event.type === 'warning' && event.code.startsWith('checkpoint') ? [event.message] : [],
    );
    assert.equal(events.at(-1)?.type, 'finished', method);
    assert.deepEqual([warnings.length, calls > 2], [1, true], `${method}: ${calls} ${warnings}`);
    for (const message of warnings)
      assert.match(message, /^db: the checkpoint can't be saved: connection lost\. /, method);
  }
});

test('if the last save fails, the run ends with an error that has the cause', async () => {
  const cause = new Error('connection lost');
  const broken = { ...memoryStorage(), place: 'db', save: () => Promise.reject(cause) };
  await assert.rejects(eventsOf({ checkpointDir: broken }), { code: 'checkpoint-save-failed', cause });
});

test('an error of the storage before training says which operation failed', async () => {
  const cause = new Error('connection lost');
  const { checkpoint } = (await eventsOf({})).at(-1) as Extract<TrainingEvent, { type: 'finished' }>;
  for (const [method, input, problem] of [
    ['identify', {}, "db: can't find out whether best.safetensors exists: connection lost."],
    [
      'list',
      { resume: checkpoint, maxIterations: 40 },
      "db: the checkpoints can't be listed: connection lost.",
    ],
  ] as const) {
    const broken = { ...memoryStorage(), place: 'db', [method]: () => Promise.reject(cause) };
    await assert.rejects(eventsOf({ checkpointDir: broken, ...input }), {
      code: 'checkpoint-unreadable',
      problem,
      cause,
    });
  }
});

test('accepts a frozen storage, and one with private fields', async () => {
  class Database {
    readonly #memory = memoryStorage();
    readonly place = 'db';
    prepare = () => this.#memory.prepare();
    close = () => this.#memory.close();
    identify(name: string) {
      return this.#memory.identify(name);
    }
    list() {
      return this.#memory.list();
    }
    save(name: string, parts: Iterable<Uint8Array>) {
      return this.#memory.save(name, parts);
    }
    point(name: string, path: string) {
      return this.#memory.point(name, path);
    }
    remove(path: string) {
      return this.#memory.remove(path);
    }
  }
  for (const storage of [Object.freeze(memoryStorage()), Object.freeze(new Database()), new Database()]) {
    const events = await eventsOf({ checkpointDir: storage, checkpointEvery: '10' });
    assert.ok(events.some(({ type }) => type === 'checkpointed'));
    const isFailure = (event: TrainingEvent) =>
      event.type === 'warning' && event.code.startsWith('checkpoint');
    assert.deepEqual(events.filter(isFailure), []);
    assert.notEqual(await storage.identify('last.safetensors'), undefined);
  }
});

test('if a surplus checkpoint can not be removed, training goes on, however the storage reports it', async () => {
  for (const fail of [
    () => undefined,
    () => Promise.reject(new Error('connection lost')),
    () => {
      throw new Error('connection lost');
    },
  ]) {
    let calls = 0;
    const remove = () => {
      calls++;
      return fail();
    };
    const storage = { ...memoryStorage(), remove };
    const events = await eventsOf({ checkpointDir: storage, checkpointEvery: '5', keep: 1 });
    assert.equal(events.at(-1)?.type, 'finished');
    assert.ok(calls > 0);
  }
});

test('a locked folder storage is refused before the text is read', async (context) => {
  const folder = temporaryFolder(context);
  const holder = folderStorage(folder);
  await holder.prepare();
  const start = async () => {
    const input = { textFile: join(folder, 'missing.txt'), checkpointDir: folderStorage(folder) };
    for await (const _ of trainInNode(input));
  };
  await assert.rejects(start(), { code: 'checkpoint-locked' });
  await holder.close();
  await assert.rejects(start(), { code: 'text-missing' });
});

test('an invalid storage or observer is an error that names the option', async () => {
  const { save: _, ...partial } = memoryStorage();
  for (const [input, message] of [
    [{ checkpointDir: 5 }, /the path of a folder, or a storage object/],
    [{ checkpointDir: partial }, /without the method save/],
    [{ observers: {} }, /an array/],
    [{ observers: [{}] }, /the method observe/],
  ] as const) {
    await assert.rejects(eventsOf(input), { name: 'OptionError', message });
  }
});
