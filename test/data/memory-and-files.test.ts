/**
 * A corpus from memory (by plain loops over strings) and from files (block by block) has the same vocabulary, the same tokens and the same
 * documents.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TokenSource } from '../../src/data/batches/batches.ts';
import { loadCorpus } from '../../src/data/corpus.node.ts';
import { buildCorpus, type CorpusOptions } from '../../src/data/corpus.ts';
import { DocumentCutter } from '../../src/data/text/documents.ts';
import { SymbolCounter } from '../../src/data/text/symbol-counter.ts';
import { SymbolEncoder } from '../../src/data/tokens/text-encoder.ts';
import { BLOCK_TOKENS, type BlockSink } from '../../src/data/tokens/token-packer.ts';
import { temporaryCache } from './temporary-cache.ts';

const defaults: CorpusOptions = { tokens: 'character', normalize: 'none', minCount: 1, unknown: 'error' };

const KINDS: readonly Pick<CorpusOptions, 'tokens' | 'normalize'>[] = [
  { tokens: 'byte', normalize: 'none' },
  { tokens: 'character', normalize: 'none' },
  { tokens: 'character', normalize: 'nfc' },
  { tokens: 'grapheme', normalize: 'none' },
  { tokens: 'grapheme', normalize: 'nfc' },
];

/** The results that both must agree on. */
async function tokensOf(source: TokenSource) {
  const tokens = new Int32Array(source.length);
  const starts = new Uint8Array(source.length);
  await source.read(0, tokens, starts);
  return { tokens, starts: source.hasDocuments ? starts : undefined };
}

/** Texts of characters that separate, join, compose and end lines, in any order. */
const awkward = fc
  .array(
    fc.constantFrom(
      ...['a', 'b', ' ', '\r', '\n', '\r\n', '--', '-', 'e\u0301', '\u0301', '\u00e9', '\u200d', '\ufe0f'],
      ...[
        '\u{1F469}\u200d\u{1F467}',
        '\u{1F1E9}\u{1F1EA}',
        '\u{1F1EB}',
        '\uAC00',
        '\u1100',
        '\u1161',
        '\u11A8',
      ],
      ...[
        '\u0915\u094d\u0937\u093f',
        '\u0e01\u0e33',
        '\u0600',
        '\u4eba',
        '\u3042\u3099',
        '\u212b',
        '\u0344',
        '\u00ad',
      ],
      ...['\u0958', '\u{1D15E}', '\u{10FFFF}', '\u00a9', '\u{110BD}', '\u0f73', '\u0305\u0323'],
    ),
    { minLength: 1, maxLength: 60 },
  )
  .map((pieces) => pieces.join(''));

/** Encodes a text in blocks of given sizes. */
async function encodedInBlocks(text: string, sizes: readonly number[], options: CorpusOptions) {
  const bytes = Buffer.from(text);
  const counter = await SymbolCounter.make(options);
  const pass = (visit: (part: Parameters<SymbolCounter['add']>[0]) => void) => {
    const cutter = new DocumentCutter(options.separator, { wholeCharacters: options.tokens !== 'byte' });
    cutter.begin(0, bytes);
    let at = 0;
    for (let turn = 0; at < bytes.length; turn++) {
      const end = Math.min(bytes.length, at + (sizes[turn % sizes.length] as number));
      for (const part of cutter.push(bytes.subarray(at, end), end === bytes.length)) visit(part);
      at = end;
    }
    visit({ bytes: new Uint8Array(), offset: bytes.length, endsDocument: true });
  };
  counter.beginFile('x', bytes);
  pass((part) => counter.add(part));
  const memory = await buildCorpus({ text, name: 'x' }, options);
  const blocks: number[] = [];
  const starts: number[] = [];
  const width = memory.vocabulary.size <= 256 ? 1 : 2;
  assert.equal(width, 1, 'few symbols in these texts');
  const sink: BlockSink = {
    put(tokens, bits) {
      blocks.push(...tokens);
      if (bits) for (let i = 0; i < tokens.length; i++) starts.push(((bits[i >> 3] ?? 0) >> (i & 7)) & 1);
    },
  };
  const encoder = await SymbolEncoder.make(
    {
      vocabulary: memory.vocabulary,
      isOwn: true,
      isFromCheckpoint: false,
      unknown: 'error',
      hasDocuments: options.separator !== undefined,
    },
    sink,
  );
  encoder.beginFile('x');
  pass((part) => encoder.add(part));
  encoder.finish('x');
  return { memory, counts: counter.finish(), tokens: blocks, starts };
}

for (const kind of KINDS) {
  for (const separator of [undefined, '--']) {
    const options = { ...defaults, ...kind, separator };
    test(`${kind.tokens}, ${kind.normalize}, ${separator ?? 'no separator'}: however blocks are cut, the same tokens`, async () => {
      await fc.assert(
        fc.asyncProperty(
          awkward,
          fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
          async (text, sizes) => {
            const padded = `ab${text}`;
            const { memory, counts, tokens, starts } = await encodedInBlocks(padded, sizes, options);
            const expected = await tokensOf(memory.tokens);
            assert.deepEqual(new Set(counts.keys()), new Set(memory.vocabulary.symbols));
            assert.deepEqual(tokens, [...expected.tokens]);
            if (expected.starts) assert.deepEqual(starts, [...expected.starts]);
          },
        ),
        { numRuns: 10 },
      );
    });
  }
}

test('a file of several blocks gives the same as its text in memory, for every kind', async (context) => {
  const { folder } = temporaryCache(context);
  const path = join(folder, 'book.txt');
  // Lines of many lengths, so that blocks end within characters, clusters and separators.
  const line = (index: number) =>
    `${'\u00e9e\u0301\u{1F469}\u200d\u{1F467}x'.repeat(index % 7)}${index} \u4eba--\r\n`;
  const text = Array.from({ length: 2000 }, (_, index) => line(index)).join('');
  writeFileSync(path, text);
  const blockBytes = 10_007;
  assert.ok(text.length > 5 * blockBytes);
  for (const kind of KINDS) {
    for (const changes of [{}, { separator: '--\r\n', minCount: 3 }]) {
      const options = { ...defaults, ...kind, ...changes };
      const memory = await buildCorpus({ text: Buffer.from(text), name: path }, options);
      const file = await loadCorpus({ paths: [path] }, { ...options, blockBytes });
      const what = JSON.stringify({ ...kind, ...changes });
      assert.deepEqual(file.vocabulary.symbols, memory.vocabulary.symbols, what);
      assert.equal(file.text.sha256, memory.text.sha256);
      assert.ok(file.tokens.length > BLOCK_TOKENS, 'several blocks of tokens too');
      const [ours, theirs] = [await tokensOf(file.tokens), await tokensOf(memory.tokens)];
      assert.deepEqual(ours.tokens, theirs.tokens, what);
      assert.deepEqual(ours.starts, theirs.starts, what);
      await file.close?.();
    }
  }
});

test('both paths throw the same errors', async (context) => {
  const { folder } = temporaryCache(context);
  const path = join(folder, 'book.txt');
  const bad: readonly (readonly number[])[] = [
    [],
    [0xef, 0xbb, 0xbf],
    [97, 0, 98],
    [0xff, 0xfe, 97, 0],
    [97, 0xe2, 0x82],
    [0xed, 0xa0, 0x80],
    [0xef, 0xbb, 0xbf, 97, 0xff],
    [97, 97],
  ];
  for (const bytes of bad) {
    writeFileSync(path, Uint8Array.from(bytes));
    for (const kind of KINDS) {
      const options = { ...defaults, ...kind };
      const messageOf = (action: Promise<unknown>) =>
        action.then(
          () => 'accepted',
          (error: Error) => error.message,
        );
      const memory = await messageOf(buildCorpus({ text: Uint8Array.from(bytes), name: path }, options));
      assert.equal(await messageOf(loadCorpus({ paths: [path] }, options)), memory);
    }
  }
});

test('both report an unknown character with its position', async (context) => {
  const { folder } = temporaryCache(context);
  const path = join(folder, 'book.txt');
  const valid = join(folder, 'valid.txt');
  writeFileSync(path, 'ab\n');
  const blockBytes = 4000;
  const long = `${'ab\n'.repeat(3500)}bq`;
  for (const text of ['ab\na\u00e9', 'ab\n\nab\nabq', 'q', long]) {
    writeFileSync(valid, text);
    for (const kind of KINDS) {
      const options = { ...defaults, ...kind };
      const thrown = async (action: Promise<unknown>) => {
        const error = await action.then(
          () => undefined,
          (reason: Error) => reason,
        );
        assert.match(error?.message ?? '', /is not in the vocabulary/);
        return error?.message;
      };
      const memory = await thrown(
        buildCorpus({ text: 'ab\n', name: path, validation: { text, name: valid } }, options),
      );
      assert.equal(await thrown(loadCorpus({ paths: [path] }, { ...options, valid, blockBytes })), memory);
      const skipping = { ...options, unknown: 'skip' } as const;
      const inMemory = await buildCorpus(
        { text: 'ab\n', name: path, validation: { text, name: valid } },
        skipping,
      );
      const fromFile = await loadCorpus({ paths: [path] }, { ...skipping, valid, blockBytes });
      assert.equal(fromFile.validation?.length, inMemory.validation?.length);
      assert.deepEqual(fromFile.notices, inMemory.notices);
    }
  }
});
