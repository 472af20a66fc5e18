import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { folderStorage } from '../../src/checkpoint/storage/folder-storage.node.ts';
import type { CheckpointStorage } from '../../src/checkpoint/storage/storage.ts';
import { LanguageModel, type TrainInput, type TrainingEvent, train } from '../../src/index.ts';
import { KeptCheckpoints } from '../../src/train/saving/checkpoint-policy.ts';
import { train as trainHere } from '../../src/train/train.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** Adds checkpoints with these losses, named by their index. Returns the names of those that are kept. */
function keptOf(keep: number | undefined, losses: readonly (number | undefined)[]): string {
  const kept = new KeptCheckpoints(keep);
  const there = new Set<string>();
  losses.forEach((validationLoss, index) => {
    kept.add({ path: `${index}`, iteration: index, validationLoss });
    there.add(`${index}`);
    for (const { path } of kept.takeSurplus()) there.delete(path);
  });
  return [...there].join(' ');
}

test('--keep N keeps the newest N and the best', () => {
  assert.equal(keptOf(1, [3, 2, 4, 5]), '1 3');
  assert.equal(keptOf(2, [3, 2, 4, 5]), '1 2 3');
  assert.equal(keptOf(2, [2, undefined, 3, undefined]), '0 2 3');
  assert.equal(keptOf(3, [5, 4, 3, 2]), '1 2 3');
  assert.equal(keptOf(1, [2, 2, 2]), '0 2', 'of equal losses, the first is the best');
});

test('without --keep, all with a validation loss and the newest two of the others are kept', () => {
  assert.equal(keptOf(undefined, [5, undefined, undefined, 6, undefined]), '0 2 3 4');
});

test('after the run has gone back, the best is none of the discarded checkpoints', () => {
  const kept = new KeptCheckpoints(1);
  for (const [iteration, validationLoss] of [
    [10, 3],
    [20, 1],
  ] as const)
    kept.add({ path: `${iteration}`, iteration, validationLoss });
  kept.goBack(15);
  assert.equal(kept.best?.path, '10');
  kept.add({ path: 'again', iteration: 20, validationLoss: 4 });
  assert.equal(kept.best?.path, '10');
  assert.deepEqual(
    kept.takeSurplus().map(({ path }) => path),
    ['20'],
  );
});

const text = 'the harbour wall stood in the rain, and the keeper walked along it. '.repeat(40);

async function run(input: TrainInput) {
  const all: TrainingEvent[] = [];
  for await (const event of train(input)) all.push(event);
  return all.flatMap((event) => (event.type === 'evaluated' ? [event] : []));
}

function setUp(context: TestContext) {
  const checkpointDir = temporaryFolder(context);
  const small = {
    text,
    hiddenSize: 8,
    layers: 1,
    batchSize: 4,
    sequenceLength: 10,
    checkpointDir,
    evaluateEvery: 4,
  };
  const iterations = () =>
    readdirSync(checkpointDir)
      .filter((name) => name.startsWith('lm_'))
      .map(async (name) => {
        const { checkpoint } = await LanguageModel.load(join(checkpointDir, name));
        return checkpoint.training?.iteration as number;
      });
  const there = async () => (await Promise.all(iterations())).sort((a, b) => a - b);
  const iterationOf = async (name: string) =>
    (await LanguageModel.load(join(checkpointDir, name))).checkpoint.training?.iteration;
  return { checkpointDir, small, there, iterationOf };
}

test('best and last are links to complete checkpoints; the best is kept, whatever follows', async (context) => {
  const { checkpointDir, small, there, iterationOf } = setUp(context);
  const evaluated = await run({ ...small, keep: 2, maxIterations: 24, learningRate: 0.05 });
  const best = evaluated.reduce((a, b) => (b.validationLoss < a.validationLoss ? b : a)).iteration;
  assert.deepEqual(
    await there(),
    [...new Set([best, 20, 24])].sort((a, b) => a - b),
  );
  assert.equal(await iterationOf('best.safetensors'), best);
  assert.equal(await iterationOf('last.safetensors'), 24);
  assert.match(
    readlinkSync(join(checkpointDir, 'last.safetensors')),
    /^lm_lstm_epoch[\d.]+_[\d.]+\.safetensors$/,
  );
});

test('a resumed run counts its earlier checkpoints, and leaves those of other runs and of an abandoned branch alone', async (context) => {
  const { checkpointDir, small, there, iterationOf } = setUp(context);
  await run({ ...small, keep: 2, maxIterations: 10 });
  assert.deepEqual(await there(), [8, 10]);
  await run({ text, resume: checkpointDir, maxIterations: 18 });
  assert.deepEqual(await there(), [16, 18]);
  await run({ ...small, maxIterations: 9, saveName: 'other' });
  assert.equal(await iterationOf('last.safetensors'), 18, "the first run's");
  assert.equal(await iterationOf('other.last.safetensors'), 9);
  const all = await there();
  assert.deepEqual(all, [4, 8, 9, 16, 18]);
  const sixteen = readdirSync(checkpointDir).find((name) => /^lm_lstm.*_\d\.\d{4}\.safetensors$/.test(name));
  await run({ text, resume: join(checkpointDir, sixteen ?? ''), maxIterations: 17 });
  assert.deepEqual(await there(), [4, 8, 9, 16, 17, 18], 'iteration 18 belongs to an abandoned branch');
  assert.equal(await iterationOf('last.safetensors'), 17);
  assert.equal(await iterationOf('other.last.safetensors'), 9);
});

test('a checkpoint whose loss is not in the history of the run is never best, and is not deleted', async (context) => {
  const { checkpointDir, small, iterationOf } = setUp(context);
  await run({ ...small, maxIterations: 8 });
  const named = () =>
    readdirSync(checkpointDir).filter((name) => /^lm_lstm_.*_\d\.\d{4}\.safetensors$/.test(name));
  const [fourth = ''] = await Promise.all(
    named().map(async (name) => ((await iterationOf(name)) === 4 ? [name] : [])),
  ).then((names) => names.flat());
  const forgotten = fourth.replace(/\d\.\d{4}/, '0.0001');
  const mine = 'mine.safetensors';
  for (const name of [forgotten, mine]) copyFileSync(join(checkpointDir, fourth), join(checkpointDir, name));
  const evaluated = await run({ text, resume: checkpointDir, maxIterations: 12, keep: 1 });
  assert.equal(evaluated.length, 1);
  const best = readlinkSync(join(checkpointDir, 'best.safetensors'));
  assert.notEqual(best, forgotten);
  for (const name of [forgotten, mine]) assert.ok(readdirSync(checkpointDir).includes(name), name);
  assert.ok(
    !readdirSync(checkpointDir).includes(fourth) || best === fourth,
    "the run's own checkpoint is counted",
  );
});

test('if a checkpoint is deleted right after it was saved, best points to the previous one, and last does not change', async (context) => {
  const { checkpointDir: _, ...small } = setUp(context).small;
  const storage = folderStorage(temporaryFolder(context));
  const saved: string[] = [];
  const deleting: CheckpointStorage = {
    ...storage,
    async save(name, parts) {
      const path = await storage.save(name, parts);
      if (saved.push(basename(path)) === 2) rmSync(path);
      return path;
    },
  };
  const warnings: string[] = [];
  for await (const event of trainHere({ ...small, checkpointDir: deleting, maxIterations: 8 }))
    if (event.type === 'warning' && event.code === 'checkpoint-missing') warnings.push(event.message);
  const deleted = join(storage.place, saved[1] ?? '');
  assert.deepEqual(warnings, [
    `${deleted} was deleted. last.safetensors stays as it was.`,
    `${deleted} was deleted. best.safetensors points to the best one that is left.`,
  ]);
  for (const name of ['last', 'best'])
    assert.equal(readlinkSync(join(storage.place, `${name}.safetensors`)), saved[0]);
});
