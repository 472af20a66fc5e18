/** The mean of checkpoints. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { averageCheckpoints } from '../../src/checkpoint/average.ts';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { noLosses } from '../../src/checkpoint/tensors/training-tensors.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { exportCheckpoint } from '../../src/formats/export.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { joined, madeCheckpoint, someCharacters } from '../checkpoint/made-checkpoint.ts';

test('each parameter is the mean, without a training state', () => {
  const all = [1, 2, 3].map((iteration) => madeCheckpoint({ iteration }));
  const mean = averageCheckpoints(all);
  const expected = all[0]?.parameters.map(
    (_, at) => all.reduce((sum, { parameters }) => sum + (parameters[at] as number), 0) / 3,
  );
  assert.deepEqual(mean.parameters, expected);
  assert.equal(mean.training, undefined);
  assert.deepEqual(mean.config, all[0]?.config);
  assert.deepEqual(mean.regularization, all[0]?.regularization);
  assert.ok(mean.vocabulary.equals(someCharacters));
  // It is a whole model, which can be written and read.
  const file = joined(exportCheckpoint(mean, 'safetensors').parts);
  assert.deepEqual(openCheckpoint(file, 'x').parameters, expected);
});

test('the mean of equal checkpoints has the same bits; that of large numbers does not overflow', () => {
  const one = madeCheckpoint();
  one.parameters.set([0, -0, 2 ** -149]);
  assert.deepEqual(averageCheckpoints([one, one, one]).parameters, one.parameters);
  assert.deepEqual(averageCheckpoints([one]).parameters, one.parameters);
  const large = { ...one, parameters: one.parameters.map(() => 3e38) };
  assert.deepEqual(averageCheckpoints([large, large]).parameters, large.parameters);
});

test('keeps the highest precision; half precision is read as float32 and does not stay half', () => {
  const double = madeCheckpoint({ precision: 'float64' });
  for (const pair of [
    [double, madeCheckpoint()],
    [madeCheckpoint(), double],
  ]) {
    const mean = averageCheckpoints(pair);
    assert.equal(mean.precision, 'float64');
    assert.ok(mean.parameters instanceof Float64Array);
  }
  const half = openCheckpoint(
    joined(exportCheckpoint(madeCheckpoint(), 'safetensors', { precision: 'bfloat16' }).parts),
    'x',
  );
  const mean = averageCheckpoints([half, half]);
  assert.deepEqual([mean.precision, mean.weightTypes], ['float32', undefined]);
});

test('a model that can not be trained further still can not', () => {
  const { training: _, ...model } = madeCheckpoint();
  const losses = { trainLosses: noLosses(), validationLosses: noLosses() };
  const origin = { program: 'torch-rnn', options: { a: 1 }, notices: ['b'], ...losses };
  const limited: Checkpoint = { ...model, origin: { ...origin, sampleOnly: 'it is folded' } };
  for (const pair of [
    [model, limited],
    [limited, model],
  ])
    assert.equal(averageCheckpoints(pair).origin?.sampleOnly, 'it is folded');
  assert.equal(averageCheckpoints([{ ...model, origin }, model]).origin, undefined);
});

test('another shape or vocabulary: an error that says what differs', () => {
  const symbols = (...all: string[]) =>
    new Vocabulary({ kind: 'character', normalize: 'none', symbols: all, hasUnknown: false });
  const [abc, abd] = [symbols('a', 'b', 'c'), symbols('a', 'b', 'd')];
  const bytes = new Vocabulary({
    kind: 'byte',
    normalize: 'none',
    symbols: ['a', 'b', 'c'],
    hasUnknown: false,
  });
  const unknown = new Vocabulary({
    kind: 'character',
    normalize: 'none',
    symbols: ['a', 'b'],
    hasUnknown: true,
  });
  const base = { cell: 'gru', vocabulary: abc } as const;
  for (const [other, difference] of [
    [{ cell: 'lstm' }, /its `cell` is lstm, not gru/],
    [{ reset: 'after' }, /its `reset` is after, not before/],
    [{ layers: 3 }, /its `layers` is 3, not 2/],
    [{ hiddenSize: 4 }, /its `hiddenSize` is 4, not 3/],
    [{ embeddingSize: 5 }, /its `embeddingSize` is 5, not absent/],
    [{ vocabulary: symbols('a', 'b') }, /its `vocabularySize` is 2, not 3/],
    [{ vocabulary: abd }, /its symbol 2 is "d", not "c"/],
    [{ vocabulary: bytes }, /the `kind` of its vocabulary is byte, not character/],
    [{ vocabulary: unknown }, /the `hasUnknown` of its vocabulary is true, not false/],
  ] as const) {
    assert.throws(
      () => averageCheckpoints([madeCheckpoint(base), madeCheckpoint({ ...base, ...other })], ['one', 'two']),
      { code: 'checkpoint-other-model', message: difference },
    );
  }
  // Vocabularies are sorted when they are made; a file may hold them in another order.
  const turned = { ...abc, symbols: ['b', 'a', 'c'] } as unknown as Vocabulary;
  const other = { ...madeCheckpoint(base), vocabulary: turned };
  assert.throws(() => averageCheckpoints([madeCheckpoint(base), other]), {
    message: /^checkpoint 2 can't be averaged with checkpoint 1: its symbol 0 is "b", not "a"\./,
  });
  assert.throws(() => averageCheckpoints([]), { code: 'option', option: 'checkpoints' });
});
