/** Options without effect: the warning, and that such an option changes nothing while it changes the model where it is used. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TrainInput, train } from '../../src/index.ts';
import { isUsed } from '../../src/train/advice/unused-options.ts';
import { checkTrainingOptions, type TrainingOptions } from '../../src/train/options.ts';

const text = 'the quick brown fox jumps over the lazy dog. '.repeat(20);
const small = {
  ...{
    text,
    hiddenSize: 8,
    layers: 1,
    batchSize: 2,
    sequenceLength: 10,
    baseline: false,
    randomOffset: true,
  },
  ...{ maxEpochs: 3, trainFraction: 0.8, validationFraction: 0.2, evaluateEvery: 10, engine: 'reference' },
} as const satisfies TrainInput;

/** An option with another value than its default, and the options with which it has an effect. */
const CASES: readonly [TrainInput, TrainInput][] = [
  [{ gruReset: 'after' }, { cell: 'gru' }],
  [{ dropoutMask: 'sequence' }, { dropout: 0.5 }],
  [{ decayRate: 0.5 }, { optimizer: 'rmsprop' }],
  [{ adamBeta1: 0.5 }, { optimizer: 'adam' }],
  [{ adamBeta2: 0.5 }, { optimizer: 'adam' }],
  [{ learningRateDecay: 0.5 }, { schedule: 'original', learningRateDecayAfter: 1 }],
  [{ learningRateDecayAfter: 1 }, { schedule: 'original' }],
  [{ averageDecay: 0.5 }, { average: 'ema' }],
  [{ averageAfter: 1 }, { average: 'triggered', learningRate: 1 }],
];
const WITHOUT = { optimizer: 'rmsprop', schedule: 'constant' } as const;

/** The warnings of a run, and its last validation loss. */
async function resultOf(options: TrainInput) {
  const warnings: string[] = [];
  let loss: number | undefined;
  for await (const event of train({ ...small, ...options })) {
    if (event.type === 'warning' && event.code === 'option-unused') warnings.push(event.message);
    if (event.type === 'evaluated') loss = event.validationLoss;
  }
  return { warnings, loss };
}

for (const [option, use] of CASES) {
  const [name] = Object.keys(option) as [keyof TrainingOptions];
  test(`${name}: no effect without its condition, and a warning; an effect with it, and none`, async () => {
    const without = name === 'decayRate' ? { ...WITHOUT, optimizer: 'adam' as const } : WITHOUT;
    const [bare, unused] = [await resultOf(without), await resultOf({ ...without, ...option })];
    assert.deepEqual([unused.loss, bare.warnings], [bare.loss, []]);
    assert.equal(unused.warnings.length, 1);
    assert.match(unused.warnings[0] ?? '', new RegExp(`^\`${name}\` has no effect: it is used only with `));
    const [plain, used] = [await resultOf(use), await resultOf({ ...use, ...option })];
    assert.deepEqual(used.warnings, []);
    assert.notEqual(used.loss, plain.loss);
  });
}

test('retries are used unless an explosion stops the run', () => {
  assert.equal(isUsed('retries', checkTrainingOptions({})), true);
  assert.equal(isUsed('retries', checkTrainingOptions({ onExplosion: 'stop' })), false);
});
