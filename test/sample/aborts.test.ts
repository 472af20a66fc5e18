/** A signal ends texts wherever they are: while they are drawn, and while what was drawn is given out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LanguageModel } from '../../src/language-model.node.ts';
import { listen } from '../../src/server/http/listen.node.ts';
import { createServer } from '../../src/server/server.ts';
import { madeModel } from '../server/test-server.ts';

const { checkpoint } = madeModel();

test('samples, pieces and texts stop at the next step after an abort', async (context) => {
  const model = new LanguageModel(checkpoint, { threads: 1 });
  context.after(() => model.close());
  const input = { prompt: 'a', length: 30, count: 100 };
  const ways = {
    samples: (signal: AbortSignal) => model.samples({ ...input, signal }),
    unique: (signal: AbortSignal) => model.samples({ ...input, unique: true, signal }),
    samplePieces: (signal: AbortSignal) => model.samplePieces({ ...input, signal }),
    generatePieces: (signal: AbortSignal) =>
      model.generatePieces({ prompts: Array(100).fill('a'), length: 30, signal }),
  };
  for (const [name, way] of Object.entries(ways)) {
    const controller = new AbortController();
    let given = 0;
    const run = async () => {
      for await (const _ of way(controller.signal)) if (++given === 3) controller.abort(new Error('enough'));
    };
    await assert.rejects(run(), /^Error: enough$/, name);
    assert.equal(given, 3, name);
  }
});

test('a model that is closed before its server leaves nothing that can not be closed', async () => {
  const model = new LanguageModel(checkpoint, { threads: 1 });
  const listening = await listen(createServer({ model }), { port: 0 });
  const complete = async () =>
    (
      await fetch(`${listening.url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: 'a', max_tokens: 3 }),
      })
    ).status;
  assert.equal(await complete(), 200);
  await model.close();
  assert.equal(await complete(), 500);
  await listening.close(1);
  await model.close();
});
