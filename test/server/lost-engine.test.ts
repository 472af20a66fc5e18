/** If the engine of a model is lost, the calls that use it get a named error, and the next call makes a new engine. Nothing hangs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { EngineLostError, MemoryError, UnsupportedError } from '../../src/errors.ts';
import { LanguageModel } from '../../src/language-model.node.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { type Fault, type LosableEngines, losableEngines, nth } from '../engine/losable-engine.ts';
import { serveModel } from './test-server.ts';

const symbols = Array.from({ length: 40 }, (_, index) => String.fromCharCode(64 + index));
const vocabulary = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });
const input = { prompt: 'ABC', length: 60, seed: 5 };

function modelOn({ makeEngine }: LosableEngines): LanguageModel {
  return new LanguageModel(madeCheckpoint({ vocabulary, iteration: 7 }), {
    makeEngine,
    precision: 'float32',
  });
}

async function textOf(model: LanguageModel, more = {}): Promise<string> {
  let text = '';
  for await (const piece of model.generate({ ...input, ...more })) text += piece;
  return text;
}

const FAULTS: [string, Fault['at']][] = [
  ['the first call', (calls) => calls === 1],
  ['a prompt', nth(1, 'readTokens')],
  ['a draw', nth(1, 'generate')],
  ['a read', nth(1, 'read')],
  ['a step', nth(2, 'step')],
];

test('a call that uses a lost engine gets its error; the next one gets a new engine', async () => {
  const expected = modelOn(losableEngines([]));
  const [text, hosted, { losses }] = [
    await textOf(expected),
    await textOf(expected, { typicalP: 0.9 }),
    await expected.score('ABCABC'),
  ];
  for (const kind of ['lost', 'lost-throwing', 'memory-read', 'memory'] as const) {
    for (const [label, at] of FAULTS) {
      for (const call of ['draw', 'host', 'score'] as const) {
        let isArmed = true;
        const engines = losableEngines([{ kind, at: (calls, name) => isArmed && at(calls, name) }]);
        const model = modelOn(engines);
        const run = () => {
          if (call === 'score') return model.score('ABCABC').then(({ losses }) => losses);
          return textOf(model, call === 'host' ? { typicalP: 0.9 } : {});
        };
        const right = { draw: text, host: hosted, score: losses }[call];
        const first = await run().catch((error: unknown) => error);
        isArmed = false;
        if (engines.isLost())
          assert.ok(
            first instanceof EngineLostError || first instanceof MemoryError,
            `${label}, ${call}: ${first}`,
          );
        else assert.deepEqual(first, right);
        assert.deepEqual(await run(), right, `${label}, ${call}`);
        assert.equal(engines.choices.length, engines.isLost() ? 2 : 1);
        await model.close();
        assert.equal(engines.open(), 0);
      }
    }
  }
  await expected.close();
});

test('if no engine can be made, the next call tries again', async () => {
  const engines = losableEngines([]);
  let tries = 0;
  const model = modelOn({
    ...engines,
    makeEngine: async (choice) => {
      if (tries++ < 2) throw new UnsupportedError('the GPU is not back yet');
      return engines.makeEngine(choice);
    },
  });
  await assert.rejects(textOf(model), UnsupportedError);
  await assert.rejects(model.score('ABC'), UnsupportedError);
  assert.equal((await textOf(model)).length, 60);
  await model.close();
});

test('a server answers 503 and gets a new engine for the next request', async (context) => {
  for (const kind of ['lost', 'lost-throwing'] as const) {
    let requests = 0;
    const engines = losableEngines([{ kind, at: (_, name) => requests > 1 && name === 'readTokens' }]);
    const model = modelOn(engines);
    const { post, ask, errors } = await serveModel(context, {}, model);
    const body = { prompt: 'ABC', max_tokens: 20, seed: 5 };
    const complete = () => {
      requests++;
      return post('/v1/completions', body);
    };
    assert.equal((await complete()).status, 200);
    const answers = await Promise.all([complete(), complete(), complete()]);
    for (const answer of answers) {
      if (answer.status === 200) continue;
      assert.equal(answer.status, 503);
      assert.equal((await answer.json()).error.code, 'engine_lost');
    }
    assert.ok(answers.some(({ status }) => status === 503));
    assert.ok(errors.length > 0 && errors.every((error) => error instanceof EngineLostError));
    const { choices } = await ask('/v1/completions', body);
    assert.equal(choices[0].text.length, 20);
    assert.equal(engines.choices.length, 2);
  }
});
