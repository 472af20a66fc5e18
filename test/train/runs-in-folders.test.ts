/** Several runs in one folder or in neighbouring ones: where each writes, and which one is resumed. */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { surveyFolder } from '../../src/checkpoint/storage/run-survey.node.ts';
import { LanguageModel, readEventLog, type TrainInput, type TrainingEvent, train } from '../../src/index.ts';
import { likelyRuns } from '../../src/train/start/find-run.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const text = 'the harbour wall stood in the rain. '.repeat(40);

function setUp(context: TestContext) {
  const folder = temporaryFolder(context);
  const small = {
    text,
    hiddenSize: 4,
    layers: 1,
    batchSize: 2,
    sequenceLength: 5,
    evaluateEvery: 2,
    maxIterations: 4,
  };
  const at = (...names: string[]) => join(folder, ...names);
  const run = async (input: TrainInput) => {
    const events: TrainingEvent[] = [];
    for await (const event of train(input)) events.push(event);
    const started = events.find((event) => event.type === 'started');
    assert.ok(started?.type === 'started');
    return { events, started };
  };
  const newRun = (options: TrainInput = {}) => run({ ...small, checkpointDir: at('cv'), ...options });
  const iterationOf = async (...names: string[]) =>
    (await LanguageModel.load(at(...names))).checkpoint.training?.iteration;
  return { folder, small, at, run, newRun, iterationOf };
}

const withoutTime = (path: string) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).type);

test('starting the same run three times gives three folders, and does not change the earlier ones', async (context) => {
  const { at, newRun } = setUp(context);
  await newRun();
  const before = readdirSync(at('cv')).map((name) => [name, readFileSync(at('cv', name)).length]);
  const second = await newRun({ maxIterations: 6 });
  const third = await newRun();
  assert.deepEqual([second.started.writes, third.started.writes], [at('cv-2'), at('cv-3')]);
  assert.match(second.started.writesInstead ?? '', /cv\/ holds the run from \d\d:\d\d$/);
  assert.deepEqual(
    readdirSync(at('cv')).map((name) => [name, readFileSync(at('cv', name)).length]),
    before,
  );
  assert.equal(withoutTime(at('cv-2', 'lstm.log.jsonl')).filter((type) => type === 'started').length, 1);
});

test('a run with another savefile shares the folder under its own names, also when it is resumed', async (context) => {
  const { at, newRun, run, iterationOf } = setUp(context);
  const first = await newRun();
  const second = await newRun({ saveName: 'b', maxIterations: 6 });
  assert.equal(second.started.writes, first.started.writes);
  assert.equal(second.started.writesInstead, undefined);
  assert.deepEqual(
    [await iterationOf('cv', 'last.safetensors'), await iterationOf('cv', 'b.last.safetensors')],
    [4, 6],
  );
  assert.ok(existsSync(at('cv', 'lstm.log.jsonl')) && existsSync(at('cv', 'b.log.jsonl')));
  await run({ text, resume: at('cv'), saveName: 'lstm', maxIterations: 8 });
  await run({ text, resume: at('cv'), saveName: 'b', maxIterations: 10 });
  const newest = await run({ text, resume: at('cv'), maxIterations: 12 });
  assert.match(JSON.stringify(newest.events), /holds 2 runs; this one is b, not lstm/);
  assert.deepEqual(
    [await iterationOf('cv', 'last.safetensors'), await iterationOf('cv', 'b.last.safetensors')],
    [8, 12],
  );
  const again = await newRun({ saveName: 'b' });
  assert.equal(again.started.writes, at('cv-2'));
  assert.equal(again.started.files?.best, 'best.safetensors');
  const elsewhere = { text, resume: at('cv'), saveName: 'lstm', maxIterations: 9, checkpointDir: at('cv-2') };
  assert.equal((await run(elsewhere)).started.files?.best, 'lstm.best.safetensors');
  await assert.rejects(run({ text, resume: at('cv', 'last.safetensors'), saveName: 'b', maxIterations: 9 }), {
    code: 'option',
    message: /another run/,
  });
});

test('runs that start at the same time get separate folders', async (context) => {
  const { at, newRun } = setUp(context);
  const runs = await Promise.all([newRun(), newRun(), newRun()]);
  const folders = runs.map(({ started }) => started.writes).sort();
  assert.deepEqual(folders, [at('cv'), at('cv-2'), at('cv-3')]);
});

test('the folder and names of a new run depend on the files in the folder: foreign files, a log, a single copied checkpoint', async (context) => {
  const { at, newRun } = setUp(context);
  mkdirSync(at('cv'));
  writeFileSync(at('cv', 'notes.txt'), 'mine');
  writeFileSync(at('cv', 'best.safetensors'), 'mine');
  const first = await newRun();
  assert.deepEqual([first.started.writes, first.started.files?.best], [at('cv'), 'lstm.best.safetensors']);
  assert.equal(readFileSync(at('cv', 'best.safetensors'), 'utf8'), 'mine');
  mkdirSync(at('log'));
  writeFileSync(at('log', 'lstm.log.jsonl'), '{}\n');
  assert.equal((await newRun({ checkpointDir: at('log') })).started.writes, at('log-2'));
  assert.equal((await newRun({ checkpointDir: at('log'), saveName: 'b' })).started.writes, at('log'));
  mkdirSync(at('lone'));
  cpSync(at('cv', 'lstm.best.safetensors'), at('lone', 'best.safetensors'), { dereference: true });
  assert.equal((await newRun({ checkpointDir: `${at('lone')}/` })).started.writes, at('lone-2'));
});

test('a run with a given id that was killed before its first checkpoint starts over in its own folder', async (context) => {
  const { at, newRun } = setUp(context);
  const finished = await newRun({ runId: 'mine', checkpointDir: at('whole') });
  // Only the log is left of a killed run, with a last line that may be incomplete.
  mkdirSync(at('cv'));
  const log = readFileSync(at('whole', 'lstm.log.jsonl'), 'utf8');
  const isStart = (line: string) => line.includes('"type":"started"');
  const until = log.split('\n').findIndex(isStart) + 1;
  assert.ok(until > 0 && finished.started.runId === 'mine');
  writeFileSync(at('cv', 'lstm.log.jsonl'), `${log.split('\n').slice(0, until).join('\n')}\n{"time":"20`);
  const other = await newRun({ runId: 'other' });
  assert.equal(other.started.writes, at('cv-2'));
  const without = await newRun();
  assert.equal(without.started.writes, at('cv-3'));
  const again = await newRun({ runId: 'mine' });
  assert.deepEqual([again.started.writes, again.started.writesInstead], [at('cv'), undefined]);
  assert.equal(again.started.files?.best, 'best.safetensors');
  const read = [];
  for await (const event of readEventLog(at('cv', 'lstm.log.jsonl'), { onSkipped() {} }))
    read.push(event.type);
  assert.deepEqual(
    read.filter((type) => type === 'started' || type === 'finished'),
    ['started', 'started', 'finished'],
  );
});

test('a folder with only a copied best can be resumed and used, and the copy is not lost', async (context) => {
  const { at, newRun, run, iterationOf } = setUp(context);
  await newRun();
  mkdirSync(at('lone'));
  cpSync(at('cv', 'best.safetensors'), at('lone', 'best.safetensors'), { dereference: true });
  const iteration = await iterationOf('lone');
  assert.equal(iteration, await iterationOf('cv', 'best.safetensors'));
  const resumed = await run({ text, resume: at('lone'), maxIterations: 12, learningRate: 0.02 });
  assert.equal(resumed.started.files?.best, 'best.safetensors');
  const { runs } = await surveyFolder(at('lone'));
  assert.ok(
    runs[0]?.checkpoints.some((one) => one.iteration === iteration),
    'the copy still exists',
  );
  assert.equal(await iterationOf('lone', 'last.safetensors'), 12);
});

test('if the newest checkpoint is damaged, the previous one is used, with a warning; naming the damaged file is an error', async (context) => {
  const { at, newRun, run } = setUp(context);
  const { events } = await newRun();
  const saved = events.flatMap((event) => (event.type === 'checkpointed' ? [event.path] : []));
  const [before = '', newest = ''] = saved;
  truncateSync(newest, readFileSync(newest).length - 100);
  const resumed = await run({ text, resume: at('cv'), maxIterations: 6 });
  const [warning] = resumed.events.flatMap((event) =>
    event.type === 'warning' && event.code === 'checkpoint-damaged' ? [event.message] : [],
  );
  assert.ok(
    warning?.includes(`${newest} is cut short`) && warning.includes(`resumes from ${before}`),
    warning,
  );
  const after = resumed.events.findLast((event) => event.type === 'checkpointed');
  assert.ok(after?.type === 'checkpointed');
  await assert.rejects(run({ text, resume: newest }), {
    code: 'checkpoint-truncated',
    remedies: [{ text: 'To resume from iteration 6 instead', set: { resume: after.path } }],
  });
  for (const path of readdirSync(at('cv')).filter((name) => name.startsWith('lm_')))
    truncateSync(at('cv', path), 40);
  await assert.rejects(run({ text, resume: at('cv') }), { code: 'checkpoint-truncated' });
});

test('damaged numbers after an intact header are detected too', async (context) => {
  const { at, newRun, run } = setUp(context);
  const { events } = await newRun();
  const [before = '', newest = ''] = events.flatMap((event) =>
    event.type === 'checkpointed' ? [event.path] : [],
  );
  const bytes = readFileSync(newest);
  const header = Number(bytes.readBigUInt64LE(0)) + 8;
  bytes.fill(0xff, header, header + 400);
  writeFileSync(newest, bytes);
  const resumed = await run({ text, resume: at('cv'), maxIterations: 6 });
  assert.match(JSON.stringify(resumed.events), new RegExp(`resumes from ${before}`));
});

test('the remedy for a damaged file never suggests the same file, however its path is written', async (context) => {
  const { at, newRun, run } = setUp(context);
  const { events } = await newRun();
  const [before = '', newest = ''] = events.flatMap((event) =>
    event.type === 'checkpointed' ? [event.path] : [],
  );
  const bytes = readFileSync(newest);
  bytes.fill(0xff, Number(bytes.readBigUInt64LE(0)) + 8);
  writeFileSync(newest, bytes);
  const name = basename(newest);
  for (const folder of [at('cv'), `${at('cv')}/.`, `${at('cv')}//`, `./${relative('.', at('cv'))}`]) {
    await assert.rejects(run({ text, resume: `${folder}/${name}` }), {
      code: 'checkpoint-malformed',
      remedies: [
        {
          text: 'To resume from iteration 2 instead',
          set: { resume: join(folder, basename(before)) },
        },
      ],
    });
  }
});

test('of several runs, the most likely one is chosen: by savefile, by text, else the newest; also in a folder of an earlier version', async (context) => {
  const { at, small, newRun } = setUp(context);
  const files = ['a.txt', 'b.txt'].map((name, index) => {
    writeFileSync(at(name), text + 'x'.repeat(index));
    return at(name);
  });
  const [a, b] = files as [string, string];
  const { text: _, ...options } = small;
  for (const textFile of files)
    for await (const _event of train({ ...options, textFile, checkpointDir: at('cv') }));
  await newRun({ saveName: 'c', text: text.repeat(2) });
  const surveys = await Promise.all([at('cv'), at('cv-2')].map(surveyFolder));
  const first = async (wanted: Parameters<typeof likelyRuns>[1]) => {
    const [run] = await likelyRuns(surveys, wanted);
    return `${basename(run?.folder ?? '')} ${run?.saveName}`;
  };
  assert.equal(await first({}), 'cv c');
  assert.equal(await first({ paths: [b] }), 'cv-2 lstm');
  assert.equal(await first({ paths: [a] }), 'cv lstm');
  renameSync(a, at('moved.txt'));
  assert.equal(await first({ paths: [at('moved.txt')] }), 'cv lstm');
  assert.equal(await first({ saveName: 'lstm' }), 'cv-2 lstm');
  assert.equal(await first({ saveName: 'nobody' }), 'cv c');
  // In earlier versions, the runs in a folder shared best and last, which belonged to the run that saved last. File times are those of a copy.
  rmSync(at('cv', 'c.last.safetensors'));
  rmSync(at('cv', 'c.best.safetensors'));
  for (const name of readdirSync(at('cv'))) if (name.startsWith('lm_')) utimesSync(at('cv', name), 1e9, 1e9);
  assert.equal((await surveyFolder(at('cv'))).runs[0]?.saveName, 'lstm');
});

test('if the folder is deleted during a run, the log, checkpoints, pointers and lock are written again, with warnings', async (context) => {
  const { at, small, iterationOf } = setUp(context);
  const warnings: string[] = [];
  for await (const event of train({
    ...small,
    checkpointDir: at('cv'),
    maxIterations: 8,
  })) {
    if (event.type === 'iteration' && event.iteration === 5) rmSync(at('cv'), { recursive: true });
    if (event.type === 'warning') warnings.push(event.code);
    if (event.type === 'iteration' && event.iteration === 7)
      assert.ok(readdirSync(at('cv')).some((name) => name.endsWith('.lock')));
  }
  assert.ok(warnings.includes('record-deleted'), warnings.join());
  const lines = readFileSync(at('cv', 'lstm.log.jsonl'), 'utf8').trimEnd().split('\n');
  const iterations = lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'iteration');
  assert.deepEqual(
    iterations.map(({ iteration }) => iteration),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.equal(await iterationOf('cv', 'last.safetensors'), 8);
  assert.ok(
    [4, 6, 8].includes((await iterationOf('cv', 'best.safetensors')) ?? 0),
    'best is one of the checkpoints that are left',
  );
});

test('a run with a given id starts over in the folder of the run with this id; a run with another id does not', async (context) => {
  const { at, newRun, run, iterationOf } = setUp(context);
  const first = await newRun({ runId: 'sweep-7' });
  const again = await newRun({ runId: 'sweep-7' });
  assert.deepEqual(
    [first, again].map(({ started }) => [started.runId, started.writes]),
    [
      ['sweep-7', at('cv')],
      ['sweep-7', at('cv')],
    ],
  );
  assert.equal((await newRun({ runId: 'sweep-8' })).started.writes, at('cv-2'));
  await run({ text, resume: at('cv'), runId: 'sweep-7', maxIterations: 5 });
  assert.equal(await iterationOf('cv', 'last.safetensors'), 5);
});

test('of two runs in a folder, the one with the given id is resumed; an unknown id is an error', async (context) => {
  const { at, newRun, run } = setUp(context);
  await newRun({ runId: 'one', saveName: 'a' });
  await newRun({ runId: 'two', saveName: 'b' });
  for (const runId of ['one', 'two']) {
    const { started } = await run({ text, resume: at('cv'), runId, maxIterations: 5 });
    assert.equal(started.runId, runId);
  }
  await assert.rejects(
    run({ text, resume: at('cv'), runId: 'three' }),
    /^OptionError: runId: got "three", but .* is of the run (one|two)$/,
  );
  for (const runId of ['', 'a\nb', 'x'.repeat(201), 7 as unknown as string])
    await assert.rejects(newRun({ runId }), { code: 'option', option: 'runId' });
});
