import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { LoadOptions } from '../../src/data/corpus.node.ts';
import { loadCorpus } from '../../src/data/corpus.node.ts';
import { MemoryTokens } from '../../src/data/tokens/memory-tokens.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { temporaryCache } from './temporary-cache.ts';

const options: LoadOptions = { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error' };
const text = 'the harbour wall\nand the sea\n';

/** A folder with a text, and a separate cache folder. */
function setUp(context: TestContext) {
  const { folder, cache } = temporaryCache(context);
  const path = join(folder, 'book.txt');
  writeFileSync(path, text);
  return { folder, cache, path, vocabulary: `${path}.vocab.json`, tokens: `${path}.tokens` };
}

/** Loads the text. Returns its notices, and its tokens as characters. */
async function load(path: string, changes: Partial<LoadOptions> = {}) {
  const corpus = await loadCorpus({ paths: [path] }, { ...options, ...changes });
  assert.ok(corpus.tokens instanceof MemoryTokens);
  const back = Array.from(corpus.tokens.array, (token) => corpus.vocabulary.symbolOf(token)).join('');
  return { corpus, back, said: corpus.notices.join('\n') };
}

test('writes both files next to the text, named after it, and reads them the next time', async (context) => {
  const { folder, path, tokens } = setUp(context);
  await load(path);
  assert.deepEqual(readdirSync(folder).sort(), ['book.txt', 'book.txt.tokens', 'book.txt.vocab.json']);
  const written = readFileSync(tokens);
  const second = await load(path);
  assert.equal(second.back, text);
  assert.equal(second.said, '');
  // It gets a new random id whenever it is made.
  assert.deepEqual(readFileSync(tokens), written);
});

test('makes them again, with a notice, if the text has changed, even with the same size and date', async (context) => {
  const { path } = setUp(context);
  const date = new Date(1e12);
  utimesSync(path, date, date);
  await load(path);
  const changed = text.replace('sea', 'tea');
  writeFileSync(path, changed);
  utimesSync(path, date, date);
  const { back, said } = await load(path);
  assert.equal(back, changed);
  assert.match(said, /are from another text; recreated/);
  assert.equal((await load(path)).said, '');
});

test('makes them again for other options', async (context) => {
  const { path } = setUp(context);
  await load(path);
  const { corpus, said } = await load(path, { minCount: 2 });
  assert.match(said, /other options; recreated/);
  assert.ok(corpus.vocabulary.hasUnknown);
});

test('with a given vocabulary, reads a small text without touching its cache, and without a notice', async (context) => {
  const { path, vocabulary } = setUp(context);
  await load(path);
  const written = readFileSync(vocabulary);
  const given = new Vocabulary({
    kind: 'byte',
    normalize: 'none',
    hasUnknown: false,
    symbols: [...new Set(text)].sort(),
  });
  const { back, said } = await load(path, { tokens: 'byte', vocabulary: given });
  assert.equal(back, text);
  assert.equal(said, '');
  assert.deepEqual(readFileSync(vocabulary), written);
});

test('never uses truncated, changed, incomplete or foreign files', async (context) => {
  const { path, vocabulary, tokens } = setUp(context);
  const damages: [string, () => void, RegExp][] = [
    [
      'tokens cut short',
      () => writeFileSync(tokens, readFileSync(tokens).subarray(0, 30)),
      /damaged; recreated/,
    ],
    [
      'a token changed',
      () => {
        const bytes = readFileSync(tokens);
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        writeFileSync(tokens, bytes);
      },
      /damaged; recreated/,
    ],
    ['tokens too long', () => appendFileSync(tokens, 'x'), /damaged; recreated/],
    ['no tokens', () => rmSync(tokens), /do not both exist; recreated/],
    ['no vocabulary', () => rmSync(vocabulary), /do not both exist; recreated/],
    [
      'vocabulary cut short',
      () => writeFileSync(vocabulary, readFileSync(vocabulary).subarray(0, 60)),
      /damaged or from another program; recreated/,
    ],
    [
      'symbols exchanged',
      () => writeFileSync(vocabulary, readFileSync(vocabulary, 'utf8').replace('"a"', '"zz"')),
      /damaged or from another program; recreated/,
    ],
    [
      'a list of very many values in the vocabulary',
      () =>
        writeFileSync(
          vocabulary,
          readFileSync(vocabulary, 'utf8').replace('"notices": [', `"notices": [${'[],'.repeat(1e5)}[]`),
        ),
      /damaged or from another program; recreated/,
    ],
  ];
  for (const [what, damage, expected] of damages) {
    await load(path);
    damage();
    const { back, said } = await load(path);
    assert.equal(back, text, what);
    assert.match(said, expected, what);
    assert.equal((await load(path)).said, '', `${what}: the second time`);
  }
});

test("another program's file of that name is left alone, and the cache folder is used", async (context) => {
  const { path, vocabulary, cache } = setUp(context);
  writeFileSync(vocabulary, '{"precious": true}');
  const first = await load(path);
  assert.equal(first.back, text);
  assert.equal(readFileSync(vocabulary, 'utf8'), '{"precious": true}');
  assert.equal(
    readdirSync(cache, { recursive: true }).filter((name) => String(name).endsWith('.tokens')).length,
    1,
  );
  assert.equal((await load(path)).back, text);
});

test('uses the cache folder if the folder can not be written, and only gives a notice if neither can', async (context) => {
  const { folder, path, cache } = setUp(context);
  // A folder of that name prevents writing the file, even for root.
  mkdirSync(join(folder, 'book.txt.tokens'));
  mkdirSync(join(folder, 'book.txt.vocab.json'));
  await load(path);
  assert.ok(existsSync(cache));
  assert.equal((await load(path)).back, text);
  rmSync(cache, { recursive: true });
  writeFileSync(cache, 'a file where the folder would be');
  const { back, said } = await load(path);
  assert.equal(back, text);
  assert.match(said, /could not be saved for the next run/);
});

test('a folder with input.txt, a folder without it, a missing file', async (context) => {
  const { folder } = setUp(context);
  const inside = join(folder, 'data');
  mkdirSync(inside);
  await assert.rejects(loadCorpus({ paths: [inside] }, options), {
    code: 'text-missing',
    message: /without input\.txt/,
  });
  writeFileSync(join(inside, 'input.txt'), text);
  assert.equal((await load(inside)).back, text);
  assert.ok(existsSync(join(inside, 'input.txt.tokens')));
  await assert.rejects(loadCorpus({ paths: [join(folder, 'nowhere.txt')] }, options), {
    code: 'text-missing',
  });
});

test('reads held-out files with the vocabulary of the text', async (context) => {
  const { folder, path } = setUp(context);
  const valid = join(folder, 'valid.txt');
  writeFileSync(valid, 'sea wall');
  const { corpus } = await load(path, { valid });
  assert.equal(corpus.validation?.length, 8);
  writeFileSync(valid, 'SEA');
  await assert.rejects(loadCorpus({ paths: [path] }, { ...options, valid }), {
    code: 'text-unknown-character',
  });
});
