import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nativeVariants } from '../../src/engine/cpu/native.node.ts';
import { UPDATE_RULE_KINDS } from '../../src/engine/update-rules.ts';
import { readCheckpointFile } from '../../src/formats/read.node.ts';
import { type Checkpoint, type TrainInput, type TrainingEvent, train } from '../../src/index.ts';
import { charRnn } from '../cli/command.ts';
import { temporaryCache } from '../data/temporary-cache.ts';

const text = 'the harbour wall stood in the rain, and the keeper walked along it. '.repeat(14);

async function run(input: TrainInput) {
  const all: TrainingEvent[] = [];
  for await (const event of train(input)) all.push(event);
  const last = all.at(-1);
  assert.ok(last?.type === 'finished');
  return { all, last, checkpoint: last.checkpoint };
}

/** A folder with a text, and the options of a run on it. */
function setUp(context: TestContext) {
  const { folder } = temporaryCache(context);
  const textFile = join(folder, 'book.txt');
  writeFileSync(textFile, text);
  const checkpointDir = join(folder, 'cv');
  const base = {
    textFile,
    checkpointDir,
    hiddenSize: 9,
    layers: 2,
    batchSize: 3,
    sequenceLength: 7,
    dropout: 0.2,
  };
  return { folder, checkpointDir, base };
}

/** The state that determines training, without the id and the options of the run. */
function comparable({ parameters, training }: Checkpoint) {
  const { runId: _, options: __, ...state } = training as NonNullable<typeof training>;
  return { parameters, state };
}

const engines = [...(nativeVariants().length > 0 ? ['native' as const] : []), 'wasm', 'reference'] as const;
const cells = [
  { cell: 'lstm' },
  { cell: 'gru' },
  { cell: 'gru', gruReset: 'after', embeddingSize: 5 },
  { cell: 'rnn' },
] as const;
const kinds = cells.flatMap((cell) =>
  UPDATE_RULE_KINDS.flatMap((optimizer) => [0, 0.2].map((dropout) => ({ ...cell, optimizer, dropout }))),
);
// All kinds on the first engine; on the others, each cell, optimizer and dropout rate at least once.
for (const [index, engine] of engines.entries()) {
  const perCell = kinds.length / cells.length;
  const some = kinds.filter((_, k) => (k % perCell) % cells.length === Math.floor(k / perCell) % perCell);
  for (const kind of index === 0 ? kinds : some) {
    test(`${engine}, ${Object.values(kind).join(', ')}: resumed within an epoch, after an evaluation, with other threads: the same bits as an uninterrupted run`, async (context) => {
      const { base, folder } = setUp(context);
      const options = { ...base, engine, ...kind, evaluateEvery: 8, learningRateDecayAfter: 0 };
      const whole = await run({
        ...options,
        checkpointDir: join(folder, 'whole'),
        maxIterations: 56,
        threads: 2,
      });
      await run({ ...options, maxIterations: 21, threads: 1 });
      await run({ resume: base.checkpointDir, maxIterations: 32, threads: 3 });
      const end = await run({ resume: base.checkpointDir, maxIterations: 56 });
      assert.ok(end.last.epoch > 1);
      assert.equal(end.last.iteration, 56);
      assert.deepEqual(comparable(end.checkpoint), comparable(whole.checkpoint));
    });
  }
}

test('interrupted in an evaluation: the resumed run repeats it, and has the same bits as an uninterrupted run', async (context) => {
  const { base, folder } = setUp(context);
  const options = { ...base, evaluateEvery: 8, maxIterations: 20 };
  const whole = await run({ ...options, checkpointDir: join(folder, 'whole') });
  const controller = new AbortController();
  for await (const event of train({ ...options, signal: controller.signal })) {
    if (event.type === 'evaluating') controller.abort();
    if (event.type === 'finished') assert.deepEqual([event.reason, event.iteration], ['interrupted', 8]);
  }
  const end = await run({ resume: base.checkpointDir });
  assert.deepEqual(comparable(end.checkpoint), comparable(whole.checkpoint));
});

test('a validation file can not be added to or removed from a run', async (context) => {
  const { base, folder, checkpointDir } = setUp(context);
  await run({ ...base, maxIterations: 5 });
  const validation = join(folder, 'valid.txt');
  writeFileSync(validation, text);
  const refused = { code: 'checkpoint-option' };
  await assert.rejects(run({ resume: checkpointDir, validation }), refused);
  const other = join(folder, 'other');
  await run({ ...base, checkpointDir: other, validation, maxIterations: 5 });
  await assert.rejects(run({ resume: other, text }), refused);
  assert.equal((await run({ resume: other, maxIterations: 6 })).last.iteration, 6);
});

test('options come from the checkpoint; a changed option gives a notice, or an error if it can not change', async (context) => {
  const { base, checkpointDir } = setUp(context);
  const { last } = await run({ ...base, maxIterations: 5, learningRate: 0.004 });
  const { all } = await run({ resume: last.path, maxIterations: 8, learningRate: 0.001 });
  const notices = all.flatMap((event) => (event.type === 'notice' ? [event.message] : []));
  assert.match(
    notices.join('\n'),
    /resuming .*_i5\.safetensors at iteration 5[\s\S]*`learningRate`: 0\.001, was 0\.004/,
  );
  const rates = all.flatMap((event) => (event.type === 'iteration' ? [event.learningRate] : []));
  assert.deepEqual(rates, [0.001, 0.001, 0.001]);
  await assert.rejects(run({ resume: checkpointDir, cell: 'gru', optimizer: 'adam' }), {
    code: 'checkpoint-option',
    message: /`cell` is lstm, not gru; `optimizer` is rmsprop, not adam/,
  });
  await assert.rejects(run({ resume: checkpointDir, separator: '\n\n' }), {
    message: /`separator` is none, not \\n\\n\./,
  });
});

test('another text is rejected by its hash; the same text in another place, or a moved folder, is accepted', async (context) => {
  const { base, folder, checkpointDir } = setUp(context);
  await run({ ...base, maxIterations: 5 });
  const other = join(folder, 'other.txt');
  writeFileSync(other, text.replace('rain', 'snow'));
  await assert.rejects(run({ resume: checkpointDir, textFile: other }), { code: 'checkpoint-other-text' });
  writeFileSync(other, text.replace('rain', 'Żółw'));
  await assert.rejects(run({ resume: checkpointDir, textFile: other }), { code: 'checkpoint-other-text' });
  await assert.rejects(run({ resume: checkpointDir, text: `${text}Ż` }), {
    code: 'text-unknown-character',
    message: /"Ż".*not in the checkpoint's vocabulary\.\nA run continues with the text that it began with\./,
  });
  renameSync(base.textFile, join(folder, 'renamed.txt'));
  await assert.rejects(run({ resume: checkpointDir }), {
    code: 'text-missing',
    message: /book\.txt \(text\): missing/,
  });
  const moved = join(folder, 'moved');
  cpSync(checkpointDir, moved, { recursive: true });
  const again = await run({ resume: moved, text, maxIterations: 6 });
  assert.ok(again.last.path?.startsWith(moved), 'new checkpoints go next to the one that it resumed from');
});

test('resuming a run that has reached its end writes nothing, and says how to train further', async (context) => {
  const { base, checkpointDir } = setUp(context);
  await run({ ...base, maxIterations: 5 });
  const before = readdirSync(checkpointDir).map((name) => [
    name,
    statSync(join(checkpointDir, name)).mtimeMs,
  ]);
  const { all, last } = await run({ resume: checkpointDir });
  assert.equal(last.iteration, 5);
  assert.match(JSON.stringify(all), /reached its end, iteration 5: nothing was trained.*"maxIterations":10/);
  assert.deepEqual(
    readdirSync(checkpointDir).map((name) => [name, statSync(join(checkpointDir, name)).mtimeMs]),
    before,
  );
});

test('a run that has ended in the middle of an epoch does not lock its folder when it is resumed', async (context) => {
  const { base, checkpointDir } = setUp(context);
  const { last } = await run({ ...base, maxEpochs: 0.55 });
  assert.ok(last.epoch < 0.55, 'the end is not at the end of an iteration');
  // A lock is a file in the folder, whose time changes with it.
  const before = statSync(checkpointDir).mtimeMs;
  const again = await run({ resume: checkpointDir });
  assert.equal(again.last.iteration, last.iteration);
  assert.equal(statSync(checkpointDir).mtimeMs, before);
  const longer = await run({ resume: checkpointDir, maxEpochs: 1 });
  assert.ok(longer.last.iteration > last.iteration);
});

test('resuming a run that has ended early, or is beyond the requested end, trains nothing and says how to train further', async (context) => {
  const { base, checkpointDir } = setUp(context);
  const early = await run({ ...base, evaluateEvery: 2, learningRate: 0.5, earlyStop: 1, maxIterations: 400 });
  assert.equal(early.last.reason, 'no-better');
  const names = readdirSync(checkpointDir);
  const again = await run({ resume: checkpointDir });
  const ofType = (all: readonly TrainingEvent[], type: string) => all.filter((event) => event.type === type);
  const remedies = (all: readonly TrainingEvent[]) =>
    all.flatMap((event) => (event.type === 'notice' ? (event.remedies ?? []) : [])).map(({ set }) => set);
  assert.equal(ofType(again.all, 'iteration').length, 0);
  assert.equal(again.last.reason, 'no-better');
  assert.deepEqual(remedies(again.all), [{ earlyStop: 2 }]);
  assert.deepEqual(readdirSync(checkpointDir), names);
  const beyond = await run({ resume: checkpointDir, maxIterations: 1 });
  const { iteration } = early.last;
  assert.match(
    JSON.stringify(beyond.all),
    new RegExp(`at iteration ${iteration}, beyond .* iteration 1: nothing`),
  );
  assert.deepEqual(remedies(beyond.all), [{ maxIterations: 2 * iteration }]);
  const byEpochs = await run({ resume: checkpointDir, maxEpochs: 0.01, maxIterations: 500 });
  assert.equal(ofType(byEpochs.all, 'iteration').length, 0);
  assert.ok(remedies(byEpochs.all).every((set) => Number(set?.maxEpochs) > early.last.epoch));
  const further = await run({
    resume: checkpointDir,
    ...remedies(again.all)[0],
    maxIterations: iteration + 1,
  });
  assert.equal(further.last.iteration, iteration + 1);
});

test('the command: --resume alone, with a folder, and with a text', async (context) => {
  const { folder } = setUp(context);
  const env = { XDG_CACHE_HOME: join(folder, 'cache') };
  const small = ['-rnn_size', '8', '-batch_size', '3', '-seq_length', '7'];
  const command = (...words: string[]) => charRnn(['train', ...words], { cwd: folder, env });
  assert.equal((await command('book.txt', ...small, '--max_iterations', '4')).code, 0);
  for (const [words, total] of [
    [['--resume', '--max_iterations', '6'], 6],
    [['--resume', 'cv', '--max_iterations', '8'], 8],
    [['book.txt', '--resume=cv', '--max_iterations', '9'], 9],
  ] as const) {
    const { code, stdout, stderr } = await command(...words);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^${total}/${total} `, 'm'), words.join(' '));
  }
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const over = await command('--resume');
  assert.equal(over.code, 0);
  assert.match(over.stdout, /reached its end/);
  const wrong = await command('--resume', '-rnn_size', '16');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /--rnn-size is 8, not 16/);
  assert.equal((await charRnn(['train', '--resume'], { cwd: empty, env })).code, 1);
});

test('a run on standard input resumes from the kept copy, or from standard input again, with the same bits', async (context) => {
  const { folder } = setUp(context);
  const env = { XDG_CACHE_HOME: join(folder, 'cache') };
  const small = ['-rnn_size', '8', '-batch_size', '3', '-seq_length', '7'];
  const command = (words: string, input?: string) =>
    charRnn(['train', ...words.split(' ')], { cwd: folder, env, ...(input !== undefined && { input }) });
  const stateIn = async (name: string) =>
    comparable(await readCheckpointFile(join(folder, name, 'last.safetensors')));
  assert.equal(
    (await command(`book.txt ${small.join(' ')} --max_iterations 9 -checkpoint_dir whole`)).code,
    0,
  );
  assert.equal((await command(`- ${small.join(' ')} --max_iterations 4`, text)).code, 0);
  for (const [words, input] of [
    ['--resume --max_iterations 6'],
    ['- --resume cv --max_iterations 9', text],
  ] as const) {
    const { code, stderr } = await command(words, input);
    assert.equal(code, 0, stderr);
  }
  const [{ state, parameters }, whole] = [await stateIn('cv'), await stateIn('whole')];
  assert.deepEqual(parameters, whole.parameters);
  assert.equal(state.text?.sha256, whole.state.text?.sha256);
  const other = await command('- --resume cv --max_iterations 12', `${text}.`);
  assert.deepEqual([other.code, /sha-?256|another text/i.test(other.stderr)], [1, true], other.stderr);
  rmSync(join(folder, 'cache'), { recursive: true });
  const gone = await command('--resume --max_iterations 12');
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /missing\n.*found elsewhere:\n.* train book\.txt --resume /);
});

test('a run on several files with documents finds them again, and has the same bits as an uninterrupted run', async (context) => {
  const { folder, base, checkpointDir } = setUp(context);
  const texts = join(folder, 'texts');
  mkdirSync(texts);
  writeFileSync(join(texts, 'a.txt'), text);
  writeFileSync(join(texts, 'b.md'), 'not this one');
  const several = { ...base, textFile: [texts, base.textFile], include: '*.txt', separator: ' wall ' };
  const whole = await run({ ...several, checkpointDir: join(folder, 'other'), maxIterations: 12 });
  await run({ ...several, maxIterations: 5 });
  const resumed = await run({ resume: checkpointDir, maxIterations: 12 });
  assert.deepEqual(comparable(resumed.checkpoint), comparable(whole.checkpoint));
  const plain = await run({ ...several, separator: undefined, checkpointDir: undefined, maxIterations: 12 });
  assert.notDeepEqual(plain.checkpoint.parameters, whole.checkpoint.parameters);
  await assert.rejects(run({ resume: checkpointDir, separator: ' rain' }), { code: 'checkpoint-option' });
  writeFileSync(join(texts, 'a.txt'), `${text}.`);
  await assert.rejects(run({ resume: checkpointDir, maxIterations: 14 }), { code: 'checkpoint-other-text' });
});

test('a run in bfloat16 resumes with another instruction set: the same bits as an uninterrupted run', {
  skip: nativeVariants().length > 1 ? false : 'there are no two instruction sets',
}, async (context) => {
  const { base, folder } = setUp(context);
  const before = process.env.CHAR_RNN_ISA;
  context.after(() => {
    if (before === undefined) delete process.env.CHAR_RNN_ISA;
    else process.env.CHAR_RNN_ISA = before;
  });
  const pairs = [nativeVariants(), [...nativeVariants()].reverse()] as [string, string][];
  const cases = (['bfloat16', 'bfloat16-amx'] as const).flatMap((compute) =>
    pairs.map((pair) => ({ compute, pair })),
  );
  for (const { compute, pair } of cases) {
    const [first, second] = pair;
    const options = { ...base, compute, learningRateDecayAfter: 0, evaluateEvery: 8 } as const;
    const inFolder = (name: string) => ({
      ...options,
      checkpointDir: join(folder, `${name} ${compute} ${first}`),
    });
    process.env.CHAR_RNN_ISA = first;
    const whole = await run({ ...inFolder('whole'), maxIterations: 40 });
    await run({ ...inFolder('parts'), maxIterations: 13 });
    process.env.CHAR_RNN_ISA = second;
    const resume = inFolder('parts').checkpointDir;
    const resumed = await run({ resume, textFile: base.textFile, maxIterations: 40 });
    assert.deepEqual(comparable(resumed.checkpoint), comparable(whole.checkpoint));
    assert.equal(resumed.checkpoint.training?.options.compute, compute);
  }
});

test('a run whose learning rate has decayed to zero can be resumed', async (context) => {
  const { checkpointDir, base } = setUp(context);
  const options = { ...base, learningRateDecay: 1e-200, learningRateDecayAfter: 1 };
  const { checkpoint } = await run({ ...options, maxEpochs: 3 });
  assert.equal(checkpoint.training?.learningRate, 0);
  const resumed = await run({ resume: checkpointDir, maxEpochs: 4 });
  const whole = await run({ ...options, maxEpochs: 4, checkpointDir: `${checkpointDir}-whole` });
  assert.equal(resumed.checkpoint.training?.epoch, 4);
  assert.deepEqual(resumed.checkpoint.parameters, whole.checkpoint.parameters);
});
