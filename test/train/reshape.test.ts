/** Resuming a run with another batch size or sequence length. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { BatchSource, Splits } from '../../src/data/batches/batches.ts';
import { type SplitOptions, splitCorpus } from '../../src/data/batches/splits.ts';
import { MemoryTokens } from '../../src/data/tokens/memory-tokens.ts';
import { UPDATE_RULE_KINDS } from '../../src/engine/update-rules.ts';
import { readCheckpointFile } from '../../src/formats/read.node.ts';
import { type Checkpoint, type TrainInput, type TrainingEvent, train } from '../../src/index.ts';
import { charRnn } from '../cli/command.ts';
import { temporaryCache } from '../data/temporary-cache.ts';

const words = 'the harbour wall stood in the rain and the keeper walked along it past the boats'.split(' ');
/** The words in an order with a long period. */
const text = Array.from({ length: 900 }, (_, at) => words[((at * at + 3 * at) % 83) % words.length]).join(
  ' ',
);

async function run(input: TrainInput) {
  const all: TrainingEvent[] = [];
  for await (const event of train(input)) all.push(event);
  const last = all.at(-1);
  assert.ok(last?.type === 'finished');
  const losses = all.flatMap((event) => (event.type === 'iteration' ? [event.trainLoss] : []));
  const validation = all.flatMap((event) => (event.type === 'evaluated' ? [event.validationLoss] : []));
  const notices = all.flatMap((event) => (event.type === 'notice' ? [event.message] : []));
  return { last, losses, validation, notices, checkpoint: last.checkpoint };
}

function setUp(context: TestContext) {
  const { folder } = temporaryCache(context);
  const textFile = join(folder, 'book.txt');
  writeFileSync(textFile, text);
  const base = { textFile, hiddenSize: 12, layers: 1, batchSize: 4, sequenceLength: 10 };
  return { folder, checkpointDir: join(folder, 'cv'), base };
}

function stateOf({ training }: Checkpoint) {
  assert.ok(training);
  return training;
}

/** Batches in an epoch, from a training state. */
const epochLengthOf = (training: ReturnType<typeof stateOf>) =>
  Math.round((training.iteration + (training.shapeChange?.batchOffset ?? 0)) / training.epoch);

for (const optimizer of UPDATE_RULE_KINDS) {
  test(`${optimizer}: a change of shape keeps the weights, the moments, the learning rate and the position in the text`, async (context) => {
    const { base, checkpointDir } = setUp(context);
    const start = await run({
      ...base,
      checkpointDir,
      optimizer,
      maxIterations: 150,
      learningRateDecayAfter: 0,
    });
    const before = stateOf(start.checkpoint);
    for (const shape of [
      { batchSize: 9 },
      { sequenceLength: 23 },
      { batchSize: 2, sequenceLength: 5 },
      { batchSize: 1, sequenceLength: 40 },
    ]) {
      // The run has reached its end, so it returns the state that it would continue from.
      const changed = await run({ resume: checkpointDir, ...shape, maxIterations: 150 });
      const after = stateOf(changed.checkpoint);
      assert.deepEqual(changed.checkpoint.parameters, start.checkpoint.parameters);
      assert.deepEqual(after.moments, before.moments);
      assert.deepEqual(
        [after.iteration, after.optimizerSteps, after.learningRate, after.generator, after.trainLosses],
        [before.iteration, before.optimizerSteps, before.learningRate, before.generator, before.trainLosses],
      );
      const late = before.epoch - after.epoch;
      assert.ok(late >= 0 && late <= 1 / epochLengthOf(after), `${late} of an epoch`);
      const rows = shape.batchSize ?? 4;
      assert.equal(after.carriedState[0]?.length, 2 * rows * 12);
      if (rows === 4) assert.deepEqual(after.carriedState, before.carriedState);
      else assert.ok(after.carriedState[0]?.every((value) => value === 0));
      assert.match(changed.notices.join('\n'), /batches of .* instead of 4 × 10: .*so that losses compare/);
    }
  });
}

test('with a random offset, which depends on the shape, the carried state starts at zero', async (context) => {
  const { base, checkpointDir } = setUp(context);
  const start = await run({ ...base, checkpointDir, randomOffset: true, maxIterations: 30 });
  assert.ok(stateOf(start.checkpoint).carriedState[0]?.some((value) => value !== 0));
  const changed = await run({ resume: checkpointDir, sequenceLength: 23, maxIterations: 30 });
  assert.ok(stateOf(changed.checkpoint).carriedState[0]?.every((value) => value === 0));
  assert.match(changed.notices.join('\n'), /the carried state starts at zero/);
});

test('the loss does not jump after a change of shape, nor after a change back', async (context) => {
  const { base, checkpointDir } = setUp(context);
  const mean = (losses: readonly number[]) => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  const start = await run({ ...base, checkpointDir, maxIterations: 400, learningRate: 0.01 });
  const [first, reached] = [start.losses[0] as number, mean(start.losses.slice(-40))];
  assert.ok(reached < first - 0.5, 'the loss has fallen');
  const wider = await run({ resume: checkpointDir, batchSize: 8, sequenceLength: 25, maxIterations: 410 });
  assert.ok(
    Math.abs(mean(wider.losses) - reached) < 0.25 * (first - reached),
    `${mean(wider.losses)}, ${reached}`,
  );
  const back = await run({ resume: checkpointDir, batchSize: 4, sequenceLength: 10, maxIterations: 411 });
  assert.ok(mean(back.losses) < first - 0.5 * (first - reached));
  const { epoch, shapeChange } = stateOf(back.checkpoint);
  const perEpoch = epochLengthOf(stateOf(start.checkpoint));
  // Ten iterations of 8 × 25 are fifty of 4 × 10.
  assert.ok(Math.abs(epoch * perEpoch - 451) <= 6, `${epoch * perEpoch}`);
  assert.deepEqual(shapeChange?.heldOut, { batchSize: 4, sequenceLength: 10 });
});

test('a change of shape does not change the held-out text and its loss', async (context) => {
  const { base, folder } = setUp(context);
  for (const more of [{}, { split: 'tail' as const }, { validation: base.textFile }]) {
    const checkpointDir = join(folder, JSON.stringify(Object.keys(more)));
    const start = await run({ ...base, ...more, checkpointDir, evaluateEvery: 20, maxIterations: 20 });
    // With such a small learning rate, the parameters do not change.
    const still = { resume: checkpointDir, learningRate: 1e-30, evaluateEvery: 1, maxIterations: 22 };
    const after = await run({ ...still, batchSize: 7, sequenceLength: 13 });
    assert.deepEqual(after.validation, [start.validation[0], start.validation[0]]);
    const again = await run({ ...still, sequenceLength: 30, maxIterations: 23 });
    assert.deepEqual(again.validation, [start.validation[0]]);
  }
});

test('the rate decays once at the end of each epoch; the run ends at its last epoch', async (context) => {
  const { base, checkpointDir } = setUp(context);
  const decay = { learningRate: 0.002, learningRateDecay: 0.5, learningRateDecayAfter: 0 };
  const start = await run({ ...base, ...decay, checkpointDir, maxEpochs: 3, maxIterations: 150 });
  assert.ok(start.last.epoch > 1 && start.last.epoch < 2, `${start.last.epoch}`);
  const end = await run({ resume: checkpointDir, batchSize: 5, sequenceLength: 20, maxIterations: 100_000 });
  assert.equal(end.last.epoch, 3);
  assert.equal(stateOf(end.checkpoint).learningRate, 0.002 * 0.5 ** 3);
  assert.equal(stateOf(end.checkpoint).cursor, 0);
});

/** The options that the notice of an ended run suggests. */
async function suggested(input: TrainInput): Promise<Readonly<Record<string, unknown>>> {
  for await (const event of train(input)) {
    assert.notEqual(event.type, 'iteration', 'the run has ended');
    if (event.type === 'notice' && event.remedies) return event.remedies[0]?.set ?? {};
  }
  assert.fail('no notice with a remedy');
}

test('for an ended run that once had another shape, the suggested end doubles its iterations or its text', async (context) => {
  const { base, checkpointDir, folder } = setUp(context);
  await run({ ...base, checkpointDir, maxEpochs: 1, maxIterations: 100 });
  const resumed = async (name: string, shape: TrainInput) => {
    const own = join(folder, name);
    const { last } = await run({ resume: checkpointDir, checkpointDir: own, ...shape, maxIterations: 1e6 });
    return { own, iteration: last.iteration };
  };
  // The position in the text is ahead of the iterations: twice as many iterations need more epochs.
  const ahead = await resumed('ahead', { batchSize: 2, sequenceLength: 5 });
  const further = await suggested({ resume: ahead.own, maxIterations: ahead.iteration });
  assert.deepEqual(further, { maxIterations: 2 * ahead.iteration, maxEpochs: 2 });
  const twice = await run({ resume: ahead.own, ...further });
  assert.equal(twice.last.iteration, 2 * ahead.iteration);
  // The position is behind the iterations: twice the epochs are enough.
  const behind = await resumed('behind', { batchSize: 8, sequenceLength: 20 });
  assert.deepEqual(await suggested({ resume: behind.own }), { maxEpochs: 2 });
  const longer = await run({ resume: behind.own, maxEpochs: 2 });
  assert.equal(longer.last.epoch, 2);
});

test('a run that is resumed again in the new shape has the same bits as without the second interruption', async (context) => {
  const { base, folder, checkpointDir } = setUp(context);
  await run({ ...base, checkpointDir, maxIterations: 30 });
  const shape = { batchSize: 6, sequenceLength: 8 };
  const whole = await run({
    resume: checkpointDir,
    checkpointDir: join(folder, 'whole'),
    ...shape,
    maxIterations: 60,
  });
  await run({ resume: checkpointDir, ...shape, maxIterations: 41 });
  const parts = await run({ resume: checkpointDir, maxIterations: 60 });
  assert.deepEqual(parts.checkpoint.parameters, whole.checkpoint.parameters);
  const { options: _, ...state } = stateOf(parts.checkpoint);
  const { options: __, ...expected } = stateOf(whole.checkpoint);
  assert.deepEqual(state, expected);
  const last = await readCheckpointFile(join(checkpointDir, 'last.safetensors'));
  assert.deepEqual(last.training?.shapeChange, state.shapeChange);
  const header = readFileSync(join(checkpointDir, 'last.safetensors')).toString('latin1', 8, 4000);
  assert.match(
    header,
    /formatVersion\\":2/,
    'an older program must reject it: it would continue at the wrong position',
  );
});

test('after an explosion, the run goes back to the change of shape, with half the learning rate', async (context) => {
  const { base, checkpointDir } = setUp(context);
  // Long enough for a good state of the old shape.
  await run({ ...base, checkpointDir, maxIterations: 220, evaluateEvery: 50, learningRate: 0.004 });
  const restored: TrainingEvent[] = [];
  const exploding = {
    resume: checkpointDir,
    batchSize: 9,
    learningRate: 1e6,
    maxIterations: 240,
    retries: 1,
  };
  try {
    for await (const event of train(exploding)) if (event.type === 'restored') restored.push(event);
  } catch (error) {
    assert.match(String(error), /loss/);
  }
  const [first] = restored;
  assert.ok(first?.type === 'restored');
  assert.deepEqual([first.iteration, first.learningRate], [220, 5e5]);
});

test('--fit chooses a shape for a resumed run, and keeps one that fits', async (context) => {
  const { base, checkpointDir } = setUp(context);
  await run({ ...base, checkpointDir, batchSize: 30, maxIterations: 5 });
  const fitted = await run({ resume: checkpointDir, fit: true, maxIterations: 8 });
  const { batchSize, shapeChange } = stateOf(fitted.checkpoint);
  assert.ok(batchSize < 30);
  assert.equal(shapeChange?.heldOut.batchSize, 30);
  const again = await run({ resume: checkpointDir, fit: true, maxIterations: 10 });
  assert.equal(stateOf(again.checkpoint).batchSize, batchSize);
  assert.deepEqual(stateOf(again.checkpoint).shapeChange, shapeChange);
});

test('a shape that is too large for the text is rejected, and so are other options of the model', async (context) => {
  const { base, checkpointDir } = setUp(context);
  await run({ ...base, checkpointDir, maxIterations: 5 });
  await assert.rejects(run({ resume: checkpointDir, batchSize: 5000 }), { code: 'text-too-short' });
  await assert.rejects(run({ resume: checkpointDir, batchSize: 2, hiddenSize: 13 }), {
    code: 'checkpoint-option',
    message: /`hiddenSize` is 12, not 13\. .*\n.*without hiddenSize\n.*train .*book\.txt --init-from/,
  });
});

test('commands: train prints a notice, and eval measures each split as the run did', async (context) => {
  const { folder } = setUp(context);
  const command = (...words: string[]) =>
    charRnn(words, { cwd: folder, env: { XDG_CACHE_HOME: join(folder, 'cache') } });
  const small = ['-rnn_size', '8', '-batch_size', '4', '-seq_length', '10', '-eval_val_every', '20'];
  const trained = await command('train', 'book.txt', ...small, '--max-iterations', '20');
  assert.equal(trained.code, 0, trained.stderr);
  const resumed = await command(
    'train',
    '--resume',
    '--batch-size',
    '7',
    '--max-iterations',
    '40',
    '--log',
    'plain',
  );
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.match(resumed.stdout + resumed.stderr, /batches of 7 × 10 instead of 4 × 10/);
  const inspected = await command('inspect', 'cv/last.safetensors');
  assert.match(inspected.stdout, /held-out part .*batches of 4 × 10/);
  const loss = await run({ resume: join(folder, 'cv'), maxIterations: 40 });
  const name = stateOf(loss.checkpoint).validationLosses.values.at(-1);
  const measured = await command('eval', 'cv/last.safetensors', '--json');
  const { nats, characters } = JSON.parse(measured.stdout);
  assert.ok(Math.abs(nats / characters - (name as number)) < 1e-6, measured.stdout);
  const whole = await command('eval', 'cv/last.safetensors', '--part', 'train', '--json');
  assert.match(JSON.parse(whole.stdout).how, /^train: \d+ batches of 7 × 10,/);
});

/** A source in which each token occurs once. */
const different = (length: number) => new MemoryTokens(Int32Array.from({ length }, (_, at) => at));

async function tokensOf(source: BatchSource): Promise<number[]> {
  const all: number[] = [];
  for (let index = 0; index < source.count; index++) all.push(...(await source.batch(index)).inputs);
  return all;
}

test('after a change of shape, the held-out part is that of the first shape, and nothing of it is trained on', async () => {
  const heldOut = { batchSize: 7, sequenceLength: 9 };
  const cut = (options: Partial<SplitOptions>, files: boolean): Splits =>
    splitCorpus(
      {
        texts: {},
        text: { name: 'x', bytes: 0, sha256: '', characters: 5000 },
        tokens: different(5000),
        ...(files && { validation: different(800) }),
        vocabulary: undefined as never,
        notices: [],
      },
      { ...heldOut, trainFraction: 0.8, validationFraction: 0.1, split: 'rows', ...options },
    );
  for (const split of ['rows', 'tail'] as const) {
    for (const files of [false, true]) {
      const before = cut({ split }, files);
      for (const shape of [
        { batchSize: 3, sequenceLength: 20 },
        { batchSize: 7, sequenceLength: 31 },
        { batchSize: 50, sequenceLength: 2 },
      ]) {
        const after = cut({ split, ...shape, heldOut }, files);
        assert.deepEqual(await tokensOf(after.validation), await tokensOf(before.validation));
        assert.deepEqual(await tokensOf(after.test), await tokensOf(before.test));
        const seen = new Set(await tokensOf(before.train));
        const trained = await tokensOf(after.train);
        assert.equal(new Set(trained).size, trained.length, 'no token is trained on twice');
        assert.ok(trained.length > 0.95 * seen.size - shape.batchSize * shape.sequenceLength);
        if (files) continue;
        const isHeldOut = new Set([...(await tokensOf(before.validation)), ...(await tokensOf(before.test))]);
        assert.ok(trained.every((token) => !isHeldOut.has(token)));
      }
      assert.deepEqual(await tokensOf(cut({ split, heldOut }, files).train), await tokensOf(before.train));
    }
  }
});
