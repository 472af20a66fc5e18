/** Notices about separators and patterns that match nothing, and the number of documents. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadCorpus } from '../../src/data/corpus.node.ts';
import { buildCorpus, type CorpusOptions } from '../../src/data/corpus.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { controlNotices } from '../../src/sample/choice/controls.ts';
import { novelNotice } from '../../src/sample/known-text.ts';
import { temporaryCache } from './temporary-cache.ts';

const options: CorpusOptions = { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error' };

function setUp(context: TestContext) {
  const { folder } = temporaryCache(context);
  return (name: string, content: string) => {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    return path;
  };
}

const cases: readonly (readonly [
  separator: string,
  text: string,
  documents: number,
  said: RegExp | undefined,
])[] = [
  ['\n---\n', 'a b\n---\n'.repeat(3), 3, undefined],
  ['\n---\n', 'a b\n---\nb', 2, undefined],
  ['b', 'a b', 1, undefined],
  ['\n===\n', 'a b\n---\n', 1, /"\\n===\\n" does not occur in .*, which is one document$/],
  ['\n---\n', 'a b\n---', 1, /which is one document; "---" does, once$/],
  ['\n---\n', 'a ---b --- a', 1, /; "---" does, 2 times$/],
  ['\r\n', 'a\nb\nc\n', 3, undefined],
];

for (const [separator, text, documents, said] of cases) {
  test(`${JSON.stringify(separator)} in ${JSON.stringify(text)}: ${documents} documents`, async (context) => {
    const write = setUp(context);
    const path = write('a.txt', text);
    const ways = {
      made: () => loadCorpus({ paths: [path] }, { ...options, separator }),
      kept: () => loadCorpus({ paths: [path] }, { ...options, separator }),
      inMemory: () => buildCorpus({ text, name: 'a.txt' }, { ...options, separator }),
    };
    for (const [way, make] of Object.entries(ways)) {
      const corpus = await make();
      await corpus.close?.();
      assert.equal(corpus.text.documents, documents, way);
      const notices = corpus.notices.filter((notice) => notice.includes('separator'));
      if (said) assert.match(notices.join('\n'), said, way);
      else assert.deepEqual(notices, [], way);
    }
  });
}

test('a document ends with each file even without a separator, and a notice says if no file has one', async (context) => {
  const write = setUp(context);
  const paths = ['a.txt', 'b.txt', 'c.txt'].map((name) => write(name, `${name} `));
  const { text, notices } = await loadCorpus({ paths }, { ...options, separator: '\n\n' });
  assert.equal(text.documents, 3);
  assert.match(notices.join('\n'), /does not occur in .*, which is 3 documents, one per file/);
});

test('a pattern that matches nothing is a notice for one of several folders, and an error for all of them', async (context) => {
  const write = setUp(context);
  const [one, other] = [join(write('one/a.ts', 'a b'), '..'), join(write('other/b.md', 'c'), '..')];
  const { notices, text } = await loadCorpus({ paths: [one, other], include: '*.ts' }, options);
  assert.equal(text.bytes, 3);
  assert.match(notices.join('\n'), /^no text that matches `include` \*\.ts in .*other$/m);
  await assert.rejects(loadCorpus({ paths: [one, other], include: '*.lua' }, options), {
    code: 'text-missing',
  });
});

const small = new Vocabulary({
  kind: 'character',
  normalize: 'nfc',
  symbols: [' ', 'a', 'b', 'é'],
  hasUnknown: false,
});

test('names banned or allowed characters that the model does not have', () => {
  assert.deepEqual(controlNotices(small, { ban: 'ab', only: 'e\u0301' }), []);
  assert.match(controlNotices(small, { ban: 'axyx', only: '' }).join('\n'), /does not know "x", "y",/);
  assert.match(controlNotices(small, { ban: '', only: 'aZ' }).join('\n'), /does not know "Z", and/);
});

test('warns if no sample can occur in the --novel text', () => {
  for (const text of ['a b', 'XYZ\r\nab\r\n', 'e\u0301', 'X\rab\rY'])
    assert.equal(novelNotice(small, text), undefined, JSON.stringify(text));
  for (const text of ['', ' \n\r\n']) assert.match(novelNotice(small, text) ?? '', /is empty/);
  for (const text of ['XYZ\nABC', 'abX', 'a\u0000b'])
    assert.match(novelNotice(small, text) ?? '', /^no line/);
});
