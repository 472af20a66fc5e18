/** A run continues with the texts that it began with, or says which of them are missing or changed. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { readCheckpointFile } from '../../src/formats/read.node.ts';
import { CharRnnError, type TrainInput, train } from '../../src/index.ts';
import { charRnn } from '../cli/command.ts';
import { temporaryCache } from '../data/temporary-cache.ts';

const line = 'the harbour wall stood in the rain, and the keeper walked along it.\n';
const shape = { hiddenSize: 4, layers: 1, batchSize: 2, sequenceLength: 5, evaluateEvery: 3 };

function setUp(context: TestContext) {
  const { folder, cache } = temporaryCache(context);
  const write = (name: string, content: string | Uint8Array) => {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    return path;
  };
  const checkpointDir = join(folder, 'cv');
  return { folder, cache, write, checkpointDir };
}

async function run(input: TrainInput) {
  const notices: string[] = [];
  let path: string | undefined;
  for await (const event of train(input)) {
    if (event.type === 'notice') notices.push(event.message);
    if (event.type === 'finished') path = event.path;
  }
  return { notices: notices.join('\n'), path };
}

/** The error of a run that can't continue. */
async function failure(input: TrainInput): Promise<CharRnnError> {
  return await run(input).then(
    () => assert.fail('the run continued'),
    (error: unknown) => {
      assert.ok(error instanceof CharRnnError, String(error));
      return error;
    },
  );
}

for (const role of ['main', 'validation', 'test'] as const) {
  test(`the ${role} text is changed, truncated or missing: a named error, and best does not change`, async (context) => {
    const { write, checkpointDir } = setUp(context);
    const files = {
      main: write('a.txt', line.repeat(6)),
      validation: write('v.txt', line.repeat(4)),
      test: write('t.txt', line.repeat(5)),
    };
    const texts = { textFile: files.main, validation: files.validation, test: files.test };
    await run({ ...shape, ...texts, checkpointDir, maxIterations: 3 });
    const best = readlinkSync(join(checkpointDir, 'best.safetensors'));
    const resume = { resume: checkpointDir, maxIterations: 6 };
    const path = files[role];
    const original = readFileSync(path);
    for (const [content, detail] of [
      [line.toUpperCase().repeat(7), 'changed; 476 bytes, it had'],
      [line.slice(0, 20), 'changed; 20 bytes, it had'],
      ['\0\xff', 'changed; 3 bytes, it had'],
    ] as const) {
      writeFileSync(path, content);
      const error = await failure(resume);
      assert.equal(error.remedies.length, 2);
      assert.equal(error.code, 'checkpoint-other-text');
      assert.match(error.message, new RegExp(`${basename(path)} \\(.*text\\): ${detail}`));
      // Naming the file does not help.
      const option = { main: 'textFile', validation: 'validation', test: 'test' }[role];
      assert.equal((await failure({ ...resume, [option]: path })).code, 'checkpoint-other-text');
    }
    // The remedy finds a copy of the original file.
    const copy = write('copy.txt', original);
    const [remedy] = (await failure(resume)).remedies;
    assert.deepEqual(Object.values(remedy?.set ?? {}).flat(), [copy]);
    rmSync(copy);
    rmSync(path);
    const missing = await failure(resume);
    assert.equal(missing.code, 'text-missing');
    assert.match(missing.message, new RegExp(`${basename(path)} \\(.*text\\): missing`));
    assert.equal(readlinkSync(join(checkpointDir, 'best.safetensors')), best);
  });
}

test('a text that was moved, renamed or compressed is found, and the remedy works unchanged', async (context) => {
  const { folder, write, checkpointDir } = setUp(context);
  const textFile = write('texts/a.txt', line.repeat(6));
  const validation = write('held/v.txt', line.repeat(4));
  await run({ ...shape, textFile, validation, checkpointDir, maxIterations: 3 });
  const moves: (() => void)[] = [
    () => renameSync(validation, join(folder, 'w.txt')),
    () => renameSync(textFile, join(folder, 'cv', 'a.txt')),
    () => {
      rmSync(join(folder, 'w.txt'));
      write('w.txt.gz', gzipSync(line.repeat(4)));
    },
  ];
  for (const [index, move] of moves.entries()) {
    move();
    const resume = { resume: checkpointDir, maxIterations: 4 + index };
    const [remedy] = (await failure(resume)).remedies;
    assert.ok(remedy?.set, 'a remedy that names the file');
    await run({ ...resume, ...remedy.set });
  }
});

test('new files in a folder are reported and not read; changed and missing ones are an error that names them', async (context) => {
  const { folder, write, checkpointDir } = setUp(context);
  const texts = join(folder, 'texts');
  for (const name of ['b.txt', 'a.txt', 'deep/c.txt']) write(`texts/${name}`, name + line.repeat(3));
  const validation = join(folder, 'held');
  for (const name of ['b.txt', 'c.txt']) write(`held/${name}`, name + line.repeat(3));
  await run({ ...shape, textFile: texts, validation, checkpointDir, maxIterations: 3 });
  write('texts/0.txt', 'Ünknown');
  write('held/z.txt', 'Ünknown');
  write('texts/picture.png', Uint8Array.of(1, 0, 2));
  const { notices } = await run({ resume: checkpointDir, maxIterations: 4 });
  assert.match(notices, /left out 2 files that the run did not begin with: .*0\.txt, .*z\.txt$/m);
  appendFileSync(join(texts, 'b.txt'), 'more');
  rmSync(join(texts, 'deep/c.txt'));
  const error = await failure({ resume: checkpointDir, maxIterations: 5 });
  assert.match(error.message, /b\.txt \(text\): changed; .*\n.*c\.txt \(text\): missing/);
  assert.doesNotMatch(error.message, /a\.txt|0\.txt/);
});

test('a moved folder is found, or can be named; only the same files are read', async (context) => {
  const { folder, write, checkpointDir } = setUp(context);
  const texts = join(folder, 'all', 'texts');
  for (const name of ['b.txt', 'a.txt']) write(`all/texts/${name}`, name + line.repeat(3));
  await run({ ...shape, textFile: texts, checkpointDir, maxIterations: 3 });
  write('all/texts/new.txt', 'Ünknown');
  const moved = join(folder, 'texts');
  renameSync(texts, moved);
  const resume = { resume: checkpointDir, maxIterations: 4 };
  assert.deepEqual((await failure(resume)).remedies[0]?.set, { textFile: [moved] });
  await run({ ...resume, textFile: moved });
});

test('a run on more than a thousand named files, in a folder with a space in its name, can be resumed', async (context) => {
  const { write, checkpointDir } = setUp(context);
  const textFile = Array.from({ length: 1100 }, (_, index) =>
    write(`my texts/${index}.txt`, `${index} words\n`),
  );
  await run({ ...shape, textFile, checkpointDir, maxIterations: 3 });
  await run({ resume: checkpointDir, maxIterations: 4 });
  writeFileSync(textFile[1034] ?? '', 'other words\n');
  const { message } = await failure({ resume: checkpointDir, maxIterations: 5 });
  assert.match(message, /1034\.txt/);
  assert.doesNotMatch(message, /1035\.txt/);
});

const earlier = fileURLToPath(new URL('../fixtures/earlier/', import.meta.url));

test('a checkpoint of an earlier version can be resumed, with a notice about texts that can not be checked', async (context) => {
  const { folder } = setUp(context);
  cpSync(earlier, folder, { recursive: true });
  const [book, valid] = [join(folder, 'book.txt'), join(folder, 'valid.txt')];
  const resume = { resume: join(folder, 'run.safetensors'), maxIterations: 5 };
  const { notices, path } = await run({ ...resume, textFile: book, validation: valid });
  assert.match(notices, /earlier version and has no hash of its validation text/);
  // Checkpoints that this version writes have all hashes.
  assert.doesNotMatch((await run({ resume: path ?? '', maxIterations: 6 })).notices, /earlier version/);
  appendFileSync(book, 'more');
  assert.equal(
    (await failure({ ...resume, textFile: book, validation: valid })).code,
    'checkpoint-other-text',
  );
});

test('if a checkpoint has no list of files, the folder is listed again, and another text is rejected', async (context) => {
  const { folder, write, checkpointDir } = setUp(context);
  for (const name of ['b.txt', 'a.txt']) write(`texts/${name}`, name + line.repeat(3));
  const { path } = await run({ ...shape, textFile: join(folder, 'texts'), checkpointDir, maxIterations: 3 });
  const checkpoint = await readCheckpointFile(path ?? '');
  const { training } = checkpoint;
  assert.ok(training?.text?.files);
  const { files: _, ...text } = training.text;
  const bare = join(checkpointDir, 'bare.safetensors');
  writeFileSync(
    bare,
    Buffer.concat([...encodeCheckpoint({ ...checkpoint, training: { ...training, text } })]),
  );
  await run({ resume: bare, checkpointDir: join(folder, 'other'), maxIterations: 4 });
  write('texts/c.txt', 'more');
  assert.equal((await failure({ resume: bare, maxIterations: 4 })).code, 'checkpoint-other-text');
});

test('a copy of standard input is kept; if it is deleted, the suggested command to send the text again works', async (context) => {
  const { folder, cache } = setUp(context);
  const command = (words: string[], input?: string) =>
    charRnn(words, { cwd: folder, env: { XDG_CACHE_HOME: cache }, ...(input !== undefined && { input }) });
  const options = ['-rnn_size', '4', '-num_layers', '1', '-batch_size', '2', '-seq_length', '5'];
  const text = line.repeat(6);
  assert.equal((await command(['train', '-', ...options, '-max_iterations', '2'], text)).code, 0);
  assert.equal((await command(['train', '--resume', '-max_iterations', '3'])).code, 0);
  rmSync(cache, { recursive: true });
  const { code, stderr } = await command(['train', '--resume', '-max_iterations', '4']);
  assert.equal(code, 1);
  const words = /^ {2}\S+ \S+ (train - --resume \S+)$/m.exec(stderr)?.[1]?.split(' ');
  assert.ok(words, stderr);
  assert.equal((await command([...words, '-max_iterations', '4'], text)).code, 0);
});

test('eval rejects another validation text, and accepts the new path of a moved one', async (context) => {
  const { folder, cache, write } = setUp(context);
  const command = (words: string[]) => charRnn(words, { cwd: folder, env: { XDG_CACHE_HOME: cache } });
  write('a.txt', line.repeat(6));
  write('v.txt', line.repeat(4));
  await run({
    ...shape,
    textFile: join(folder, 'a.txt'),
    validation: join(folder, 'v.txt'),
    checkpointDir: join(folder, 'cv'),
    maxIterations: 3,
  });
  const model = 'cv/best.safetensors';
  const before = await command(['eval', model]);
  assert.equal(before.code, 0, before.stderr);
  renameSync(join(folder, 'v.txt'), join(folder, 'my v.txt'));
  renameSync(join(folder, 'a.txt'), join(folder, 'b.txt'));
  const { code, stderr } = await command(['eval', model]);
  assert.equal(code, 1);
  assert.match(stderr, /^ {2}\S+ \S+ eval cv\/best\.safetensors b\.txt --valid 'my v\.txt' --part val$/m);
  const again = await command(['eval', model, 'b.txt', '--valid', 'my v.txt', '--part', 'val']);
  const loss = /^loss .*$/m.exec(before.stdout)?.[0] ?? 'no loss';
  assert.ok(again.stdout.includes(loss), again.stdout + again.stderr);
  appendFileSync(join(folder, 'my v.txt'), 'more');
  const other = await command(['eval', model, 'b.txt', '--valid', 'my v.txt', '--part', 'val']);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /my v\.txt \(validation text\): another text; 276 bytes, it had 272$/m);
});
