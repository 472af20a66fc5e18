/** A text of several files and folders, compressed or not, and the documents in it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { splitCorpus } from '../../src/data/batches/splits.ts';
import { type LoadOptions, loadCorpus, type TextSource } from '../../src/data/corpus.node.ts';
import { cachedTextFolder, trimTextCache } from '../../src/data/tokens/cache-folder.node.ts';
import { temporaryCache } from './temporary-cache.ts';

const options: LoadOptions = { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error' };

/** A folder of texts. */
function setUp(context: TestContext) {
  const { folder } = temporaryCache(context);
  const files: Record<string, string | Uint8Array> = {
    'src/b.ts': 'let b;\n',
    'src/a.ts': 'let a;\n',
    'src/deep/c.ts': 'let c;\n',
    'src/deep/notes.md': '# notes\n',
    'src/.hidden/d.ts': 'hidden',
    'src/node_modules/e.ts': "other people's",
    'src/a.ts.tokens': 'of this program',
    'src/logo.png': Uint8Array.of(0x89, 0x50, 0, 1),
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** Returns the text of the tokens, with | where a document begins, and the corpus. */
async function load(source: TextSource, changes: Partial<LoadOptions> = {}) {
  const corpus = await loadCorpus(source, { ...options, ...changes });
  const tokens = new Int32Array(corpus.tokens.length);
  const starts = new Uint8Array(tokens.length);
  await corpus.tokens.read(0, tokens, starts);
  const symbols = Array.from(
    tokens,
    (token, at) => (starts[at] ? '|' : '') + corpus.vocabulary.symbolOf(token),
  );
  await corpus.close?.();
  return { text: symbols.join(''), corpus, said: corpus.notices.join('\n') };
}

test('reads the files of a folder in order of name, without hidden files, packages, our own files and binaries', async (context) => {
  const folder = setUp(context);
  const { text, said, corpus } = await load({ paths: [join(folder, 'src')] });
  assert.equal(text, 'let a;\nlet b;\nlet c;\n# notes\n');
  assert.match(said, /left out 1 file .*binary.*logo\.png/);
  assert.match(corpus.text.name, /src \(4 files\)/);
  assert.deepEqual(
    readdirSync(join(folder, 'src')).filter((name) => name.endsWith('.vocab.json')),
    [],
    'nothing is written into a folder of files',
  );
});

test('rejects a pipe and says how to read one', {
  skip: process.platform === 'win32',
}, async (context) => {
  const path = join(temporaryCache(context).folder, 'pipe');
  execFileSync('mkfifo', [path]);
  await assert.rejects(loadCorpus({ paths: [path] }, options), {
    code: 'text-unreadable',
    message: /takes more than one pass\.\n.*standard input/,
  });
});

test('--include takes a pattern; one without a slash matches names', async (context) => {
  const folder = setUp(context);
  const paths = [join(folder, 'src')];
  assert.equal((await load({ paths, include: '*.ts' })).text, 'let a;\nlet b;\nlet c;\n');
  assert.equal((await load({ paths, include: 'deep/**' })).text, 'let c;\n# notes\n');
  assert.equal((await load({ paths, include: '**/*.{md,txt}' })).text, '# notes\n');
  await assert.rejects(load({ paths, include: '*.lua' }), {
    code: 'text-missing',
    message: /`include` \*\.lua/,
  });
});

test('joins files and folders in the order in which they are named, and identifies them by their joint content', async (context) => {
  const folder = setUp(context);
  const [a, c, deep] = ['src/a.ts', 'src/deep/c.ts', 'src/deep'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const several = await load({ paths: [deep, a] });
  assert.equal(several.text, 'let c;\n# notes\nlet a;\n');
  writeFileSync(join(folder, 'whole.txt'), 'let c;\n# notes\nlet a;\n');
  const whole = await load({ paths: [join(folder, 'whole.txt')] });
  assert.equal(several.corpus.text.sha256, whole.corpus.text.sha256);
  assert.equal(several.corpus.text.bytes, whole.corpus.text.bytes);
  // Cached in the cache folder; a change of any file is noticed.
  assert.equal((await load({ paths: [deep, a] })).said, '');
  writeFileSync(c, 'let d;\n');
  const changed = await load({ paths: [deep, a] });
  assert.equal(changed.text, 'let d;\n# notes\nlet a;\n');
  assert.match(changed.said, /are from another text; recreated/);
});

test('recognises gzip by content, and reads the same text', async (context) => {
  const folder = setUp(context);
  const text = 'the harbour wall\n'.repeat(100_000);
  const [plain, packed] = [join(folder, 'plain.txt'), join(folder, 'packed.txt')];
  writeFileSync(plain, text);
  // With two members, as made by `cat a.gz b.gz`.
  writeFileSync(packed, Buffer.concat([gzipSync(text.slice(0, 1000)), gzipSync(text.slice(1000))]));
  const [one, other] = [await load({ paths: [plain] }), await load({ paths: [packed] })];
  assert.equal(other.text, one.text);
  assert.equal(other.corpus.text.sha256, one.corpus.text.sha256);
  assert.equal(other.corpus.text.bytes, text.length);
  for (const damage of [
    gzipSync(text).subarray(0, 3000),
    Buffer.concat([gzipSync(text).subarray(0, 2000), Buffer.alloc(500)]),
  ]) {
    writeFileSync(packed, damage);
    await assert.rejects(load({ paths: [packed] }), { code: 'text-unreadable', message: /damaged gzip/ });
  }
});

test('--separator ends documents within and between files, and stays in the text', async (context) => {
  const folder = setUp(context);
  const [x, y, z] = ['x', 'y', 'z'].map((name) => join(folder, name)) as [string, string, string];
  writeFileSync(x, 'one--two');
  writeFileSync(y, '');
  writeFileSync(z, 'three--');
  const { text, corpus } = await load({ paths: [x, y, z] }, { separator: '--' });
  assert.equal(text, '|one--|two--|three--');
  assert.equal(corpus.text.bytes, 'one--two--three--'.length);
  const other = await load({ paths: [x, y, z] });
  assert.equal(other.text, 'one--twothree--');
  assert.notEqual(other.corpus.text.sha256, corpus.text.sha256);
});

test('batches mark where documents begin, if there are any', async (context) => {
  const folder = setUp(context);
  const path = join(folder, 'x.txt');
  writeFileSync(path, 'ab;cde;'.repeat(4));
  const shape = {
    batchSize: 2,
    sequenceLength: 7,
    trainFraction: 1,
    validationFraction: 0,
    split: 'rows',
  } as const;
  const apart = await load({ paths: [path] }, { separator: ';' });
  const { resets } = await splitCorpus(apart.corpus, shape).train.batch(0);
  assert.deepEqual([...(resets ?? [])], [1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]);
  const one = await load({ paths: [path] });
  assert.equal((await splitCorpus(one.corpus, shape).train.batch(0)).resets, undefined);
});

test('limits the cache: deletes the least recently used folders, and those that were not used for long', async (context) => {
  const folder = setUp(context);
  for (const [name, days] of [
    ['old', 40],
    ['first', 3],
    ['second', 2],
    ['last', 1],
  ] as const) {
    const path = cachedTextFolder(name);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'text.tokens'), Buffer.alloc(1000));
    const time = new Date(Date.now() - days * 24 * 3600 * 1000);
    utimesSync(path, time, time);
  }
  await trimTextCache(cachedTextFolder('last'), 2500);
  assert.deepEqual(readdirSync(cachedTextFolder('')).sort(), ['last', 'second']);
  assert.ok(statSync(folder).isDirectory());
});
