/** Whole models on WebGPU: the original's fixtures, a trained model, and a run that moves between the GPU and the CPU. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../../../src/checkpoint/checkpoint.ts';
import type { MakeEngine } from '../../../src/engine/choose.ts';
import { LanguageModel, train } from '../../../src/index.ts';
import { largestDifference } from '../../compare.ts';
import { originalFixtures, trainLikeOriginal } from '../../model/original-training.ts';
import { holdDevice, softwareEngine } from './engines.ts';
import { skipWithoutSoftwareGpu as skip } from './software.ts';

const makeEngine: MakeEngine = async () => ({ engine: await softwareEngine(), notice: undefined });
const example = fileURLToPath(new URL('../../../models/moby-dick.safetensors', import.meta.url));

let release = () => {};
before(async () => {
  if (!skip) release = await holdDevice();
});
after(() => release());

for (const fixture of originalFixtures()) {
  test(`${fixture.name}: 20 iterations have the losses of the original within 1e-4`, { skip }, async () => {
    const engine = await softwareEngine();
    await trainLikeOriginal(engine, fixture, 1e-4, 'losses');
    await engine.close();
  });
}

test('the log-probabilities of a trained model are within 1e-4 of those of the CPU', { skip }, async () => {
  const text =
    'Call me Ishmael. Some years ago--never mind how long precisely--having\nlittle or no money in my purse';
  const [gpu, cpu] = [await LanguageModel.load(example, { makeEngine }), await LanguageModel.load(example)];
  const [actual, expected] = [await gpu.score(text), await cpu.score(text)];
  const differences = actual.losses
    .subarray(1)
    .map((loss, i) => Math.abs(loss - (expected.losses[i + 1] as number)));
  assert.ok(Math.max(...differences) < 1e-4, `${Math.max(...differences)}`);
  assert.equal(await textOf(gpu), await textOf(cpu), 'a sampled text');
  await gpu.close();
  await cpu.close();
});

async function textOf(model: LanguageModel): Promise<string> {
  let text = '';
  for await (const piece of model.generate({ prompt: 'The whale ', length: 24, topK: 20, seed: 2 }))
    text += piece;
  return text;
}

const SHAPE = { hiddenSize: 8, layers: 2, batchSize: 3, sequenceLength: 6, evaluateEvery: 10 } as const;
const OPTIONS = {
  ...SHAPE,
  cell: 'gru',
  dropout: 0.2,
  weightDrop: 0.2,
  tokenDropout: 0.1,
  optimizer: 'adam',
} as const;
const TEXT = 'the harbour wall stood in the rain, and the keeper walked.\n'.repeat(8);

test('a run on the GPU continues on the CPU, and the other way round, with nearly the same losses', {
  skip,
}, async () => {
  const gpu = await lossesOf({ ...OPTIONS, maxIterations: 20, makeEngine });
  const cpu = await lossesOf({ ...OPTIONS, maxIterations: 20 });
  assert.ok(largestDifference(gpu.losses, cpu.losses) < 1e-4, 'the same engine throughout');
  for (const [first, second] of [
    [makeEngine, undefined],
    [undefined, makeEngine],
  ]) {
    const half = await lossesOf({ ...OPTIONS, maxIterations: 10, ...(first && { makeEngine: first }) });
    const rest = await lossesOf({
      maxIterations: 20,
      resume: half.checkpoint,
      ...(second && { makeEngine: second }),
    });
    assert.equal(rest.losses.length, 10);
    assert.ok(largestDifference(rest.losses, cpu.losses.slice(10)) < 1e-4);
  }
});

/** Options of a run without its text. */
type RunOptions = Omit<Parameters<typeof train>[0], 'text'>;

const COMBINED: Readonly<Record<string, RunOptions>> = {
  'accumulated batches of random offsets, and an average': {
    ...{ cell: 'gru', gruReset: 'after', embeddingSize: 5, dropout: 0.2, dropoutMask: 'sequence' },
    ...{ accumulate: 2, randomOffset: true, average: 'ema', averageDecay: 0.8 },
  },
  'random lengths, resets and a schedule': {
    ...{ cell: 'lstm', dropout: 0.2, randomLength: true, stateReset: 0.3, schedule: 'cosine', warmup: 0.3 },
    ...{ optimizer: 'adam', weightDecay: 0.1, gradientNormClip: 0.5 },
  },
  'bytes of documents, and an average from the first evaluation that is not better': {
    ...{ cell: 'rnn', tokens: 'byte', separator: '\n', init: 'scaled', learningRate: 0.05 },
    ...{ average: 'triggered', averageAfter: 1, evaluateEvery: 2 },
  },
};
for (const [name, options] of Object.entries(COMBINED)) {
  test(`${name}: nearly the losses of the CPU`, { skip }, async () => {
    const input = { ...SHAPE, maxIterations: 12, evaluateEvery: 4, ...options };
    const [gpu, cpu] = [await lossesOf({ ...input, makeEngine }), await lossesOf(input)];
    assert.equal(gpu.losses.length, 12);
    assert.ok(gpu.validationLosses.length >= 3);
    assert.ok(largestDifference(gpu.losses, cpu.losses) < 1e-4);
    assert.ok(largestDifference(gpu.validationLosses, cpu.validationLosses) < 1e-4);
  });
}

async function lossesOf(input: RunOptions): Promise<{
  /** Of the iterations. */
  readonly losses: number[];
  /** Of the evaluations. */
  readonly validationLosses: number[];
  readonly checkpoint: Checkpoint;
}> {
  const losses: number[] = [];
  const validationLosses: number[] = [];
  for await (const event of train({ text: TEXT, baseline: false, ...input })) {
    if (event.type === 'iteration') losses.push(event.trainLoss);
    if (event.type === 'evaluated') validationLosses.push(event.validationLoss);
    if (event.type === 'finished') return { losses, validationLosses, checkpoint: event.checkpoint };
  }
  throw new Error('the run did not finish');
}
