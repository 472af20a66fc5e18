/** Held-out files are not trained on, wherever they are; otherwise there is a warning. */
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type LoadOptions, loadCorpus } from '../../src/data/corpus.node.ts';
import { train } from '../../src/index.ts';
import { temporaryCache } from './temporary-cache.ts';

const options: LoadOptions = { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error' };

function setUp(context: TestContext): (name: string) => string {
  const { folder } = temporaryCache(context);
  const texts = { 'a.txt': 'abc abc', 'b.txt': 'bca', 'valid/v.txt': 'cab', 'test.txt': 'bab' };
  for (const [name, content] of Object.entries(texts)) {
    const path = join(folder, 'texts', name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
  }
  return (name) => join(folder, name);
}

/** Returns the files that are trained on, and the notices. */
async function load(paths: readonly string[], heldOut: Pick<LoadOptions, 'valid' | 'test'>) {
  const corpus = await loadCorpus({ paths }, { ...options, ...heldOut });
  await corpus.close?.();
  const files = corpus.texts.main?.files?.map(({ path }) => path) ?? [];
  return { files, validation: corpus.texts.validation?.bytes, notices: corpus.notices.join('\n') };
}

for (const [how, heldOut, rest] of [
  ['a file', { valid: 'texts/b.txt' }, ['a.txt', 'test.txt', 'valid/v.txt']],
  ['a folder', { valid: 'texts/valid' }, ['a.txt', 'b.txt', 'test.txt']],
  ['both texts', { valid: 'texts/valid', test: 'texts/test.txt' }, ['a.txt', 'b.txt']],
  ['a path with a detour', { test: 'texts/valid/../test.txt' }, ['a.txt', 'b.txt', 'valid/v.txt']],
] as const) {
  test(`a training text's folder holds what is held out: ${how}`, async (context) => {
    const at = setUp(context);
    const given = Object.fromEntries(Object.entries(heldOut).map(([role, name]) => [role, at(name)]));
    const { files, notices } = await load([at('texts')], given);
    assert.deepEqual(
      files,
      rest.map((name) => at(`texts/${name}`)),
    );
    assert.match(notices, /^left out of training, since `validation` or `test` holds it out: .*\.txt$/);
  });
}

test('a hard link within the folder is the file that is held out', async (context) => {
  const at = setUp(context);
  writeFileSync(at('kept.txt'), 'cab cab');
  linkSync(at('kept.txt'), at('texts/c.txt'));
  const { files, validation } = await load([at('texts')], { valid: relative(process.cwd(), at('kept.txt')) });
  assert.ok(!files.includes(at('texts/c.txt')));
  assert.equal(validation, 7);
});

test('warns of a text that is both trained on and held out: the same file, or a copy', async (context) => {
  const at = setUp(context);
  const named = await load([at('texts/a.txt')], { valid: at('texts/a.txt') });
  assert.match(named.notices, /^the validation text is trained on too \(.*a\.txt\)/);
  writeFileSync(at('copy.txt'), 'bca');
  const copied = await load([at('texts')], { test: at('copy.txt') });
  assert.match(copied.notices, /^the test text is trained on too \(.*copy\.txt\)/);
  const apart = await load([at('texts/a.txt')], { valid: at('texts/b.txt') });
  assert.equal(apart.notices, '');
});

test('warns of a file that is named twice, or also found in a folder', async (context) => {
  const at = setUp(context);
  const twice = await load([at('texts'), at('texts/a.txt')], {});
  assert.match(twice.notices, /^read more than once, because it was given more than once: .*a\.txt$/);
  assert.equal((await load([at('texts')], {})).notices, '');
});

test('a folder is not a text if everything in it is held out', async (context) => {
  const at = setUp(context);
  await assert.rejects(load([at('texts/valid')], { valid: at('texts/valid/v.txt') }), {
    code: 'text-missing',
  });
});

test('a resumed run gives no notice about a held-out file in its folder', async (context) => {
  const at = setUp(context);
  const shape = { hiddenSize: 2, layers: 1, batchSize: 1, sequenceLength: 2, checkpointDir: at('cv') };
  const run = async (input: Parameters<typeof train>[0]) => {
    const said: string[] = [];
    for await (const event of train(input)) if (event.type === 'notice') said.push(event.message);
    return said.join('\n');
  };
  const first = { ...shape, textFile: at('texts'), validation: at('texts/test.txt'), maxIterations: 1 };
  assert.match(await run(first), /left out of training/);
  assert.doesNotMatch(await run({ resume: at('cv'), maxIterations: 2 }), /test\.txt/);
});
