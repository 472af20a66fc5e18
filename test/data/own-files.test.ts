/** A run reads the texts of a folder, but no file that this program wrote, whatever its name and folder. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FolderLock } from '../../src/checkpoint/storage/folder-lock.node.ts';
import { type LoadOptions, loadCorpus } from '../../src/data/corpus.node.ts';
import { ownFileKind } from '../../src/data/files/own-files.ts';
import { exportCheckpoint } from '../../src/formats/export.ts';
import type { ExportFormat } from '../../src/formats/format-names.ts';
import { pythonModule } from '../../src/formats/python-module.ts';
import { versionRecord } from '../../src/formats/tensorboard.ts';
import { train } from '../../src/index.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { program } from '../cli/command.ts';
import { temporaryCache } from './temporary-cache.ts';

const text = 'the harbour wall stood in the rain.\n'.repeat(20);
const bytes: LoadOptions = { tokens: 'byte', normalize: 'none', minCount: 1, unknown: 'error' };

/** A folder `in` with a text, `own` for files of this program. */
function setUp(context: TestContext) {
  const { folder } = temporaryCache(context);
  const [source, own] = [join(folder, 'in'), join(folder, 'in', 'deep', 'own')];
  mkdirSync(own, { recursive: true });
  writeFileSync(join(source, 'a.txt'), text);
  return { folder, source, own };
}

async function load(paths: readonly string[], changes: Partial<LoadOptions> = {}) {
  const corpus = await loadCorpus({ paths }, { ...bytes, ...changes });
  await corpus.close?.();
  return { length: corpus.tokens.length, said: corpus.notices.join('\n') };
}

/** A tiny run in a folder. */
async function runIn(folder: string, source: string): Promise<void> {
  const options = { hiddenSize: 4, layers: 1, batchSize: 2, sequenceLength: 5, maxIterations: 2 };
  for await (const _ of train({
    ...options,
    textFile: source,
    checkpointDir: folder,
    tensorboardDir: join(folder, 'tb'),
  }));
}

test('a run does not read its own log, checkpoints and events in or below the folder of its text', async (context) => {
  const { source, own } = setUp(context);
  for (const folder of [source, own]) await runIn(folder, source);
  const { length, said } = await load([source]);
  assert.equal(length, text.length);
  assert.match(said, /left out \d+ files that this program wrote/);
});

const EXPORTS: readonly (readonly [string, ExportFormat])[] = [
  ['model.safetensors', 'safetensors'],
  ['torch.safetensors', 'pytorch'],
  ['model.onnx', 'onnx'],
  ['model.npz', 'npz'],
  ['model.t7', 'torch7'],
  ['model.json', 'vocabulary'],
];

test('recognises files of this program under any name', async (context) => {
  const { source, own } = setUp(context);
  const contents = new Map<string, Uint8Array>();
  for (const [name, format] of EXPORTS) {
    const checkpoint = madeCheckpoint(format === 'pytorch' ? { cell: 'lstm' } : {});
    contents.set(name, joined(exportCheckpoint(checkpoint, format).parts));
  }
  contents.set('module.py', new TextEncoder().encode(pythonModule('model.safetensors')));
  contents.set('events', versionRecord(1));
  contents.set('run.json', new TextEncoder().encode('{\n  "kind": "char-rnn run",\n  "seed": 1\n}\n'));
  await runIn(own, source);
  contents.set('log', readFileSync(join(own, 'lstm.log.jsonl')));
  const lock = await FolderLock.acquire(own);
  const lockName = readdirSync(own).find((name) => name.endsWith('.lock'));
  contents.set('lock', readFileSync(join(own, lockName ?? '')));
  lock.release();
  await load([join(source, 'a.txt')]);
  for (const name of ['a.txt.tokens', 'a.txt.vocab.json'])
    contents.set(name, readFileSync(join(source, name)));
  for (const [name, content] of contents) {
    assert.notEqual(ownFileKind(content), undefined, name);
    const renamed = join(source, `${name}.txt`);
    writeFileSync(renamed, content);
    await assert.rejects(load([renamed]), { code: 'text-own-file' }, name);
  }
  const all = await load(readdirSync(source).map((name) => join(source, name)));
  assert.equal(all.length, text.length);
});

test('recognises printed logs in every form', () => {
  for (const content of [
    'note\ntext: a.txt, 12 bytes\ndocuments: 3\nvocab size: 4\nnumber of data batches in train: 1, val: 2, test: 0\n',
    'sample with: npx char-rnn sample cv/best.safetensors\n',
    'stopping after this iteration …\ntrained 3 iterations in 1 s, to iteration 3, epoch 0.10\nsample with: char-rnn sample cv/x\n',
    'nohup: ignoring input\ntext: a, 1,200 bytes\r\nvocab size: 4\r\nnumber of data batches in train: 1, val: 2\r\n',
  ]) {
    assert.equal(ownFileKind(new TextEncoder().encode(content)), 'the printed log of a run', content);
  }
});

test('reads texts that only look similar', () => {
  for (const content of [
    '{"time": "noon", "type": "meal"}\n',
    'text: the whale, 12 bytes\n',
    '{"kind": "novel"}',
    '"""A module."""\n',
    '4\n1\n2\n',
    'PK and other letters',
    'char-rnn tokens are characters',
  ]) {
    assert.equal(ownFileKind(new TextEncoder().encode(content)), undefined, content);
  }
});

test('does not read what a shell redirects into the folder, in this run or the next', (context) => {
  const { folder, source } = setUp(context);
  const shell = (command: string) =>
    execFileSync('sh', ['-c', command], { cwd: source, env: { ...process.env, XDG_CACHE_HOME: folder } });
  const run = `'${process.execPath}' '${program}' train`;
  const options = `-rnn_size 4 -num_layers 1 -batch_size 2 -seq_length 5 -max_iterations 1 --tokens byte -checkpoint_dir '${folder}/cv'`;
  for (const [textName, output] of [
    ['.', '> first.txt 2>&1'],
    ['*', '> second.txt 2> third.txt'],
    ['.', '>> first.txt 2> fourth.txt'],
  ]) {
    shell(`${run} ${textName} ${options} ${output}`);
  }
  const printed = readFileSync(join(source, 'first.txt'), 'utf8');
  assert.equal(
    printed.match(new RegExp(`^text: .*a\\.txt, ${text.length} bytes$`, 'gm'))?.length,
    2,
    printed,
  );
  assert.match(readFileSync(join(source, 'second.txt'), 'utf8'), /^left out .*first\.txt/m);
});

test('follows links to other texts, reads each file once, and names links that it does not follow', async (context) => {
  const { folder, source } = setUp(context);
  const outside = join(folder, 'outside');
  mkdirSync(join(outside, 'below'), { recursive: true });
  writeFileSync(join(outside, 'b.txt'), 'bbb');
  writeFileSync(join(outside, 'below', 'c.txt'), 'cc');
  writeFileSync(join(folder, 'd.txt'), 'd');
  symlinkSync('..', join(outside, 'below', 'up'));
  symlinkSync(outside, join(source, 'linked'));
  symlinkSync('../d.txt', join(source, 'd'));
  symlinkSync('a.txt', join(source, 'again'));
  symlinkSync('nowhere', join(source, 'dangling'));
  symlinkSync('.', join(source, 'self'));
  const { length, said } = await load([source]);
  assert.equal(length, text.length + 'bbb'.length + 'cc'.length + 'd'.length);
  assert.match(said, /left out 4 links or special files \(.*broken link/);
});

test('leaves out files of a folder that are not text and names them; with strict they are an error', async (context) => {
  const { source } = setUp(context);
  writeFileSync(join(source, 'empty.txt'), '');
  writeFileSync(join(source, 'binary'), Uint8Array.of(1, 0, 2));
  writeFileSync(join(source, 'late.txt'), Buffer.concat([Buffer.from('x'.repeat(9000)), Buffer.of(0xff)]));
  writeFileSync(join(source, 'late-nul.txt'), `${'x'.repeat(9000)}\0`);
  const characters = { tokens: 'character' } as const;
  for (const round of ['made', 'kept']) {
    const { length, said } = await load([source], characters);
    assert.equal(length, text.length, round);
    assert.match(said, /left out 3 files that can't be read as text \(.*binary.*not UTF-8.*\)/);
  }
  await assert.rejects(load([source], { ...characters, strict: true }), {
    code: 'text-left-out',
    message: /^3 files.*\n.*binary.*\n.*late-nul\.txt.*\n.*late\.txt \(byte 9,000 /,
  });
  await assert.rejects(load([join(source, 'late.txt')], characters), { code: 'text-not-utf8' });
});

test('one of several folders may have no text; a notice names it', async (context) => {
  const { source, own } = setUp(context);
  const { said } = await load([source, own]);
  assert.match(said, /^no text in .*own$/m);
  await assert.rejects(load([own]), { code: 'text-missing' });
});
