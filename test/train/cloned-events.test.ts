/** Events can go from a worker to a page: a structured clone has all their data, and its checkpoint can be used. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LanguageModel, type TrainingEvent, train, Vocabulary } from '../../src/index.ts';

const text = 'the harbour wall stood in the rain. '.repeat(40);
const small = {
  hiddenSize: 8,
  layers: 1,
  batchSize: 2,
  sequenceLength: 10,
  maxIterations: 6,
  evaluateEvery: 3,
};

for (const tokens of ['character', 'byte', 'grapheme'] as const) {
  test(`a run over ${tokens}s: a clone of each event is equal, and a model of the clone writes the same text`, async () => {
    const events: TrainingEvent[] = [];
    for await (const event of train({ ...small, text, tokens })) {
      const clone = structuredClone(event);
      if (event.type !== 'finished') assert.deepEqual(clone, event);
      events.push(event);
    }
    const last = events.at(-1);
    assert.ok(last?.type === 'finished');
    const { checkpoint } = structuredClone(last);
    assert.ok(!(checkpoint.vocabulary instanceof Vocabulary), 'a clone has no methods');
    const [own, cloned] = [new LanguageModel(last.checkpoint), new LanguageModel(checkpoint)];
    assert.equal(own.checkpoint, last.checkpoint);
    const input = { prompts: ['the '], length: 40, seed: 5 };
    assert.deepEqual(await cloned.generateAll(input), await own.generateAll(input));
    assert.deepEqual(cloned.toBytes(), own.toBytes());
    assert.ok(Vocabulary.from(checkpoint.vocabulary).equals(last.checkpoint.vocabulary));
    await Promise.all([own.close(), cloned.close()]);
  });
}

test('data that is not a vocabulary is rejected', () => {
  const data = { kind: 'character', normalize: 'none', hasUnknown: false } as const;
  assert.throws(() => Vocabulary.from({ ...data, symbols: ['b', 'a'] }), RangeError);
  assert.throws(() => Vocabulary.from({ ...data, symbols: ['ab'] }), RangeError);
});
