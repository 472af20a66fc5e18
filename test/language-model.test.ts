/** How a model gets its engine, and what its public members expose. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ReferenceEngine } from '../src/engine/reference/reference-engine.ts';
import type { EngineChoice } from '../src/engine/select.ts';
import { InMemoryModel } from '../src/in-memory-model.ts';
import { LanguageModel as NodeModel } from '../src/language-model.node.ts';
import { LanguageModel } from '../src/language-model.ts';
import { madeCheckpoint } from './checkpoint/made-checkpoint.ts';
import { temporaryFolder } from './temporary-folder.ts';

const checkpoint = madeCheckpoint();

for (const [entry, Model] of [
  ['the portable class', LanguageModel],
  ['the class for Node', NodeModel],
] as const) {
  test(`${entry} makes the engine once, by the given function, and closes it`, async () => {
    const choices: EngineChoice[] = [];
    let closed = 0;
    class Engine extends ReferenceEngine {
      override async close(): Promise<void> {
        closed++;
        await super.close();
      }
    }
    const notices: string[] = [];
    const model = new Model(checkpoint, {
      engine: 'wasm',
      threads: 3,
      makeEngine: async (choice) => {
        choices.push(choice);
        return { engine: new Engine('float32'), notice: 'a slow one' };
      },
      onNotice: (notice) => notices.push(notice),
    });
    await Promise.all([model.generateAll({ prompts: ['a'], length: 3 }), model.score('abab')]);
    assert.deepEqual(choices, [{ engine: 'wasm', threads: 3, precision: checkpoint.precision }]);
    assert.deepEqual(notices, ['a slow one']);
    await model.close();
    assert.equal(closed, 1);
    await assert.rejects(model.score('abab'), { code: 'usage', message: /closed/ });
  });
}

test('without a given engine, the class determines which engines are available', async () => {
  const portable = new LanguageModel(checkpoint, { engine: 'native' });
  await assert.rejects(portable.describeEngine(), { code: 'unsupported', message: /in a page/ });
  const inNode = new NodeModel(checkpoint, { threads: 1 });
  assert.match(await inNode.describeEngine(), /native|WebAssembly/);
  await inNode.close();
});

test('fromBytes and load return a model of the class they are called on', async (context) => {
  const bytes = new LanguageModel(checkpoint).toBytes();
  assert.ok(!(LanguageModel.fromBytes(bytes) instanceof NodeModel));
  const model = NodeModel.fromBytes(bytes, 'bytes', { engine: 'reference' });
  const path = join(temporaryFolder(context), 'saved.safetensors');
  await model.save(path);
  assert.deepEqual((await NodeModel.load(path)).checkpoint.parameters, checkpoint.parameters);
  assert.throws(() => NodeModel.fromBytes(bytes.subarray(0, 100), 'some bytes'), {
    code: 'checkpoint-truncated',
    message: /^some bytes/,
  });
});

test('a model does not expose its engine', () => {
  assert.deepEqual(Object.getOwnPropertyNames(new LanguageModel(checkpoint)), ['checkpoint']);
  const members = [InMemoryModel, LanguageModel].flatMap((made) =>
    Object.getOwnPropertyNames(made.prototype),
  );
  assert.deepEqual(
    members.filter((name) => /engine|weights|load/i.test(name)),
    ['describeEngine'],
  );
});
