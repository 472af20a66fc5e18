/** A text with unknown characters gives the same result from a file and from memory. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadCorpus } from '../../src/data/corpus.node.ts';
import { buildCorpus } from '../../src/data/corpus.ts';
import type { TokenKind } from '../../src/data/vocabulary.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { sharedFolder } from '../temporary-folder.ts';

const folder = sharedFolder();
const known = [...'\n \'".acefinot'];

function vocabulary(kind: TokenKind): Vocabulary {
  return new Vocabulary({ kind, normalize: 'none', symbols: known.toSorted(), hasUnknown: false });
}

async function read(text: string, kind: TokenKind, unknown: 'skip' | 'nearest', separator?: string) {
  const own = vocabulary(kind);
  const options = {
    ...{ tokens: kind, normalize: 'none' as const, minCount: 1, unknown, vocabulary: own },
    ...(separator !== undefined && { separator }),
  };
  const path = join(folder, 'text.txt');
  writeFileSync(path, text);
  const fromFile = await loadCorpus({ paths: [path] }, options);
  const fromMemory = await buildCorpus({ text, name: 'text' }, options);
  const shown = await Promise.all(
    [fromFile, fromMemory].map(async ({ tokens, changed, notices }) => {
      const all = new Int32Array(tokens.length);
      const starts = new Uint8Array(tokens.length);
      await tokens.read(0, all, starts);
      return {
        text: Array.from(all, (token) => own.symbolOf(token)).join(''),
        starts: [...starts],
        changed,
        lines: notices.join('\n'),
      };
    }),
  );
  await fromFile.close?.();
  return shown;
}

test('reads the nearest known character, leaves out characters without one, and counts both', async () => {
  const cases: [string, string, number, number][] = [
    ['it isn’t', "it in't", 1, 1],
    ['“café”…\n', '"cafe"...\n', 4, 0],
    ['A ﬁne', 'a fine', 2, 0],
    ['😀not\u00a0a', 'not a', 1, 1],
    ['’'.repeat(3), "'''", 3, 0],
  ];
  for (const kind of ['character', 'grapheme'] as const) {
    for (const [text, expected, replaced, leftOut] of cases) {
      for (const found of await read(text, kind, 'nearest')) {
        assert.equal(found.text, expected, kind);
        assert.deepEqual(found.changed, { replaced, leftOut });
        assert.match(found.lines, replaced > 0 ? /replaced \d/ : /left out/);
      }
    }
  }
});

test('a document that begins with a replaced character begins there', async () => {
  for (const { text, changed } of await read('’a\n’c\n', 'character', 'nearest', '\n')) {
    assert.deepEqual([text, changed], ["'a\n'c\n", { replaced: 2, leftOut: 0 }]);
  }
});

test('every document begins at its first token, also if one character became several', async () => {
  const cases: [text: string, expected: string][] = [
    ['ﬁﬁﬁe\nnot', 'fififie\nnot'],
    [`${'ﬁ'.repeat(40)}\n`.repeat(3), `${'fi'.repeat(40)}\n`.repeat(3)],
    ['……\n…\na\n', '......\n...\na\n'],
    ['😀\nﬁa\n', '\nfia\n'],
  ];
  for (const kind of ['character', 'grapheme'] as const) {
    for (const [text, expected] of cases) {
      for (const found of await read(text, kind, 'nearest', '\n')) {
        assert.equal(found.text, expected);
        const starts = [...expected].map((_, at) => (at === 0 || expected[at - 1] === '\n' ? 1 : 0));
        assert.deepEqual(found.starts, starts, `${kind} ${JSON.stringify(text)}`);
      }
    }
  }
});

test('skip leaves out the characters that nearest would replace', async () => {
  for (const { text, changed } of await read('can’t', 'character', 'skip')) {
    assert.deepEqual([text, changed], ['cant', { replaced: 0, leftOut: 1 }]);
  }
});
