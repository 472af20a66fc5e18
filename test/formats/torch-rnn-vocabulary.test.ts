/** The vocabularies of torch-rnn's preprocess.py. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { CheckpointError } from '../../src/errors.ts';
import { readVocabularyFile } from '../../src/formats/read.node.ts';
import {
  decodeTorchRnnVocabulary,
  encodeTorchRnnVocabulary,
} from '../../src/formats/torch-rnn-vocabulary.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const parsed = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

test('numbers characters from 1, and names the unknown symbol', () => {
  const vocabulary = new Vocabulary({
    kind: 'character',
    normalize: 'none',
    symbols: ['\n', '"', 'a', '\u20ac', '\u{1F600}'],
    hasUnknown: true,
  });
  const bytes = encodeTorchRnnVocabulary(vocabulary);
  assert.deepEqual(parsed(bytes), {
    token_to_idx: { '\n': 1, '"': 2, a: 3, '\u20ac': 4, '\u{1F600}': 5, '[unknown]': 6 },
    idx_to_token: { 1: '\n', 2: '"', 3: 'a', 4: '\u20ac', 5: '\u{1F600}', 6: '[unknown]' },
  });
  assert.deepEqual(decodeTorchRnnVocabulary(bytes, 'x'), [...vocabulary.symbols, '[unknown]']);
});

test('writes bytes beyond ASCII by their values', () => {
  const vocabulary = new Vocabulary({
    kind: 'byte',
    normalize: 'none',
    symbols: ['a', '\u007f', '\u0080', '\u00ff'],
    hasUnknown: false,
  });
  assert.deepEqual(parsed(encodeTorchRnnVocabulary(vocabulary)).idx_to_token, {
    1: 'a',
    2: '\u007f',
    3: '[128]',
    4: '[255]',
  });
});

const evil: [string, Uint8Array, string][] = [
  ['no JSON', new TextEncoder().encode('{"token_to_idx":'), 'checkpoint-malformed'],
  ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 'checkpoint-malformed'],
  ['JSON of another kind', json({ a: 1 }), 'checkpoint-other-kind'],
  ['deeply nested arrays', new TextEncoder().encode('['.repeat(200_000)), 'checkpoint-other-kind'],
  [
    'lists that disagree',
    json({ token_to_idx: { a: 1, b: 2 }, idx_to_token: { 1: 'b', 2: 'a' } }),
    'checkpoint-malformed',
  ],
  [
    'a number left out',
    json({ token_to_idx: { a: 1, b: 3 }, idx_to_token: { 1: 'a', 3: 'b' } }),
    'checkpoint-malformed',
  ],
];
for (const [what, bytes, code] of evil) {
  test(`hostile file: ${what}`, () => {
    assert.throws(
      () => decodeTorchRnnVocabulary(bytes, 'x'),
      (error: unknown) => error instanceof CheckpointError && error.code === code,
    );
  });
}

test('an unreadable file is a named error', {
  skip: process.seteuid ? false : 'no users here',
}, async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, 'vocabulary.json');
  writeFileSync(path, '{}');
  chmodSync(path, 0);
  chmodSync(folder, 0o755);
  const root = process.geteuid?.() === 0;
  // Root can read everything.
  if (root) process.seteuid?.(65_534);
  try {
    const error = await readVocabularyFile(path).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof CheckpointError, String(error));
    assert.match(error.message, /permission denied/);
  } finally {
    if (root) process.seteuid?.(0);
  }
});
