/** Node and a page accept the same input: texts and checkpoints as paths (in Node only), bytes or values. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ReferenceEngine } from '../../src/engine/reference/reference-engine.ts';
import {
  type Checkpoint,
  memoryStorage,
  type TrainInput,
  type TrainingEvent,
  train,
} from '../../src/index.ts';
import { train as trainInPage } from '../../src/train/train.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const text = 'the harbour wall stood in the rain. '.repeat(40);
const validation = { text: 'the harbour wall. '.repeat(20), name: 'held out' };
const shape = { hiddenSize: 8, layers: 1, batchSize: 2, sequenceLength: 10, evaluateEvery: 4 };
const environments = { Node: train, page: trainInPage };

async function run(call: typeof train, input: TrainInput) {
  const events: TrainingEvent[] = [];
  for await (const event of call(input)) events.push(event);
  const last = events.at(-1);
  assert.ok(last?.type === 'finished');
  return { events, checkpoint: last.checkpoint, started: events.find((event) => event.type === 'started') };
}

const numbers = ({ parameters, training }: Checkpoint) => [
  parameters,
  training?.moments,
  training?.trainLosses,
  training?.validationLosses,
];

for (const [name, call] of Object.entries(environments)) {
  test(`${name}: maxInFlight must be at least 1, for a new run and for a resumed one`, async () => {
    const { checkpoint } = await run(call, { ...shape, text, engine: 'reference', maxIterations: 1 });
    for (const maxInFlight of [0, -1, 1.5, Number.NaN, '2' as unknown as number]) {
      for (const input of [
        { ...shape, text },
        { text, resume: checkpoint },
      ]) {
        await assert.rejects(run(call, { ...input, maxInFlight }), {
          name: 'OptionError',
          option: 'maxInFlight',
          reason: /^got .*, expected a whole number of at least 1$/,
        });
      }
    }
  });

  test(`${name}: the caller can set the storage, the engine and the run id, and resume from bytes or from a clone`, async () => {
    const checkpointDir = memoryStorage();
    let made = 0;
    const makeEngine = async () => {
      made++;
      return { engine: new ReferenceEngine('float32'), notice: undefined };
    };
    const base = { ...shape, text, validation, checkpointDir, makeEngine };
    const { started, checkpoint } = await run(call, { ...base, runId: 'mine', maxIterations: 6 });
    assert.ok(started?.type === 'started');
    assert.deepEqual([started.runId, started.writes, made], ['mine', 'memory', 1]);
    const bytes = checkpointDir.files.get('last.safetensors');
    assert.ok(bytes);
    const whole = await run(call, { ...base, checkpointDir: memoryStorage(), maxIterations: 10 });
    for (const resume of [bytes, structuredClone(checkpoint)]) {
      const { started: again, checkpoint: end } = await run(call, { ...base, resume, maxIterations: 10 });
      assert.ok(again?.type === 'started' && again.start === 'resumed');
      assert.deepEqual([again.runId, again.iteration], ['mine', 6]);
      assert.deepEqual(numbers(end), numbers(whole.checkpoint));
    }
    for (const initFrom of [bytes, structuredClone(checkpoint)]) {
      const { started: fresh } = await run(call, { ...base, initFrom, maxIterations: 1 });
      assert.ok(fresh?.type === 'started' && fresh.start === 'weights');
    }
    const other = { ...validation, text: 'the wall. '.repeat(40) };
    for (const heldOut of [undefined, other]) {
      const wrong = run(call, { ...base, resume: bytes, validation: heldOut });
      await assert.rejects(wrong, { code: 'checkpoint-other-text' });
    }
  });

  test(`${name}: invalid checkpoints and misplaced paths are errors that name the option`, async () => {
    const bad = (input: object) => run(call, { ...shape, text, maxIterations: 1, ...input });
    await assert.rejects(
      bad({ initFrom: 7 }),
      /^OptionError: initFrom: got the number 7, expected a checkpoint/,
    );
    await assert.rejects(bad({ resume: {} }), /^OptionError: resume: got an object, expected a checkpoint/);
    await assert.rejects(bad({ validation: 'v.txt' }), /`validation` is a text too/);
    await assert.rejects(bad({ hiddenSise: 3 }), /^OptionError: hiddenSise: there is no such option/);
    const started = bad({ resume: new Uint8Array(9), initFrom: new Uint8Array(9) });
    await assert.rejects(started, { name: 'CheckpointError' });
  });
}

test('in a page, options about files are errors', async () => {
  for (const input of [
    { textFile: 'a.txt' },
    { text, include: '*.txt' },
    { text, initFrom: 'm.safetensors' },
    { text, resume: 'cv' },
    { text, checkpointDir: 'cv' },
    { text, tensorboardDir: 'board' },
  ])
    await assert.rejects(
      run(trainInPage, input),
      /^UsageError: train: `\w+` is for files, and there are none here$/,
    );
});

test('in Node, training on a file with a storage object writes no log', async (context) => {
  const folder = temporaryFolder(context);
  const textFile = join(folder, 'book.txt');
  writeFileSync(textFile, text);
  const checkpointDir = memoryStorage();
  const { checkpoint } = await run(train, { ...shape, textFile, checkpointDir, maxIterations: 4 });
  assert.ok(checkpointDir.files.size > 0 && !existsSync('memory'));
  const resumed = { textFile, resume: checkpoint, checkpointDir: join(folder, 'cv'), maxIterations: 6 };
  const { started } = await run(train, resumed);
  assert.ok(started?.type === 'started');
  assert.deepEqual([started.start, started.writes], ['resumed', join(folder, 'cv')]);
  assert.match(readFileSync(join(folder, 'cv', 'lstm.log.jsonl'), 'utf8'), /"type":"finished"/);
  await assert.rejects(
    run(train, { ...shape, textFile, validation }),
    /with `textFile`, `validation` and `test` are paths/,
  );
});
