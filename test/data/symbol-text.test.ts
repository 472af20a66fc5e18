/** A byte is never shown as the character U+0000–U+00FF that represents it in the program. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeCheckpoint } from '../../src/checkpoint/codec.ts';
import { buildCorpus } from '../../src/data/corpus.ts';
import {
  characterAround,
  describeSymbol,
  joinedContent,
  joinSymbolTexts,
  quotedSymbol,
  symbolText,
} from '../../src/data/symbols/symbol-text.ts';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { encodePrompt } from '../../src/sample/prompt.ts';
import { JoinedBytes } from '../../src/score/joined-bytes.ts';
import { SurpriseTracker } from '../../src/score/surprise.ts';
import { joined, madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { charRnn } from '../cli/command.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);

/** The bytes of a text as symbols. */
function bytesOf(text: string): Vocabulary {
  const symbols = [...new Set(utf8(text))].sort((a, b) => a - b).map((byte) => String.fromCharCode(byte));
  return new Vocabulary({ kind: 'byte', normalize: 'none', symbols, hasUnknown: false });
}

test('a symbol as text, in quotes, with its number', () => {
  const cases = [
    ['\u00c3', 'byte', '\\xC3', '"\\xC3"', 'byte 0xC3'],
    ['\u0080', 'byte', '\\x80', '"\\x80"', 'byte 0x80'],
    ['a', 'byte', 'a', '"a"', 'byte 0x61 ("a")'],
    ['\n', 'byte', '\n', '"\\n"', 'byte 0x0A ("\\n")'],
    ['\ufffd', 'byte', '\ufffd', '"\ufffd"', 'byte 0xFFFD ("\ufffd")'],
    ['\u00c3', 'character', '\u00c3', '"\u00c3"', '"\u00c3" (U+00C3)'],
    ['\u00a0', 'character', '\u00a0', '"U+00A0"', '"\u00a0" (U+00A0)'],
    ['e\u0301', 'grapheme', 'e\u0301', '"e\u0301"', '"e\u0301" (U+0065 U+0301)'],
  ] as const;
  for (const [symbol, kind, text, quoted, described] of cases) {
    assert.deepEqual(
      [symbolText(symbol, kind), quotedSymbol(symbol, kind), describeSymbol(symbol, kind)],
      [text, quoted, described],
    );
  }
});

test('the character that contains a byte', () => {
  const text = utf8('a\u00e9\u20ac\u{1F600}b');
  const found = Array.from(text, (_, index) => characterAround(text, index));
  const expected = ['a', ...'\u00e9\u00e9', ...'\u20ac\u20ac\u20ac', ...Array(4).fill('\u{1F600}'), 'b'];
  assert.deepEqual(found, expected);
  assert.equal(characterAround(Uint8Array.of(0x61, 0xc3), 1), undefined);
  assert.equal(characterAround(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80), 4), undefined);
  // Overlong, half a surrogate pair, above the last code point, incomplete, after a character.
  const wrong = [
    [0xe0, 0x80, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe2, 0x82, 0x61],
    [0x61, 0x80],
  ];
  for (const bytes of wrong) assert.equal(characterAround(Uint8Array.from(bytes), 1), undefined);
});

test('a prompt: errors and notices show the byte and its character, with every value of unknown', () => {
  const vocabulary = bytesOf('caf \u00e0');
  assert.throws(() => encodePrompt(vocabulary, 'caf\u00e9', 'error'), {
    problem: 'byte 5 of the prompt is not in the model\'s vocabulary: byte 0xA9 of "\u00e9".',
  });
  assert.throws(() => encodePrompt(vocabulary, Uint8Array.of(0x61, 0xff), 'error'), {
    problem: "byte 2 of the prompt is not in the model's vocabulary: byte 0xFF.",
  });
  assert.throws(() => encodePrompt(vocabulary, 'caf?', 'error'), { problem: /byte 0x3F \("\?"\)\.$/ });
  const { notices } = encodePrompt(bytesOf('caf'), 'caf\u00e9 \u00e9', 'skip');
  assert.deepEqual(notices, [
    'the model does not know some bytes of the prompt; left out byte 0xC3 of "\u00e9" 2 times, byte 0xA9 of "\u00e9" 2 times, byte 0x20 (" ")',
  ]);
});

test('nearest: a byte model uses the closest character whose bytes it knows', () => {
  const vocabulary = bytesOf("cafe '");
  const near = encodePrompt(vocabulary, 'Caf\u00e9 \u2019 \u00fc', 'nearest');
  assert.equal(new TextDecoder().decode(near.bytes), "cafe ' ");
  assert.deepEqual(near.notices, [
    'the model does not know some characters of the prompt; replaced "C" with "c", "\u00e9" with "e", "\u2019" with "\'"',
    'the model does not know some bytes of the prompt; left out byte 0xC3 of "\u00fc", byte 0xBC of "\u00fc"',
  ]);
  const known = encodePrompt(bytesOf('\u00e9'), '\u00e9', 'nearest');
  assert.deepEqual([known.tokens.length, known.notices], [2, []]);
});

test('a text: the error has the position of the byte, and a notice says what was left out', async () => {
  const options = { tokens: 'byte', normalize: 'none', minCount: 1, vocabulary: bytesOf('caf \n') } as const;
  const text = { text: utf8('caf\ncaf\u00e9'), name: 'x' };
  await assert.rejects(buildCorpus(text, { ...options, unknown: 'error' }), {
    message: /^x, line 2, column 4: byte 0xC3 is not/,
  });
  const { notices } = await buildCorpus(text, { ...options, unknown: 'skip' });
  assert.match(notices.join(), /left out 2 bytes that the model does not know.*\("\\xC3", "\\xA9"\)/);
});

test('surprising places: shows the byte by its value, and the text before it', () => {
  const vocabulary = bytesOf('\u00e9a');
  const tracker = new SurpriseTracker(vocabulary, 3);
  const tokens = Int32Array.from(
    utf8('a\u00e9\u00e9'),
    (byte) => vocabulary.tokenOf(String.fromCharCode(byte)) as number,
  );
  tracker.begin(tokens[0] as number);
  tracker.add({ sequence: 0, tokens: tokens.subarray(1), losses: Float64Array.of(1, 2, 3, 9), target: 1 });
  assert.deepEqual(
    tracker.places.map(({ symbol, before }) => [symbol, before]),
    [
      ['\\xA9', 'a\u00e9\ufffd'],
      ['\\xC3', 'a\u00e9'],
      ['\\xA9', 'a\ufffd'],
    ],
  );
});

test('joins scored bytes into characters with the sum of their bits, wherever they are divided', () => {
  const symbols = Array.from(utf8('a\u20ac'), (byte) => String.fromCharCode(byte)).concat('\u00c3', 'b');
  const bits = [Number.NaN, 1, 2, 4, 8, 16];
  for (let cut = 0; cut <= symbols.length; cut++) {
    const join = new JoinedBytes();
    const parts = [
      join.push({ symbols: symbols.slice(0, cut), bits: bits.slice(0, cut) }),
      join.push({ symbols: symbols.slice(cut), bits: bits.slice(cut) }),
      join.end(),
    ];
    assert.deepEqual(
      [parts.flatMap((part) => part.symbols), parts.flatMap((part) => part.bits)],
      [
        ['a', '\u20ac', '\ufffd', 'b'],
        [Number.NaN, 7, 8, 16],
      ],
    );
  }
});

test('the commands inspect, eval --surprise and sample with a byte model', async (context) => {
  const folder = temporaryFolder(context);
  const run = (...words: string[]) => charRnn(words, { cwd: folder, env: { NO_COLOR: '1' } });
  const { training: _, ...model } = madeCheckpoint({ vocabulary: bytesOf('caf\u00e9\n') });
  writeFileSync(join(folder, 'm.safetensors'), joined(encodeCheckpoint(model)));
  writeFileSync(join(folder, 'text'), 'caf\u00e9\n'.repeat(3));
  const inspected = await run('inspect', 'm.safetensors');
  assert.match(inspected.stdout, /symbols +bytes \\n a c f \\xA9 \\xC3\n/);
  const { vocabulary } = JSON.parse((await run('inspect', 'm.safetensors', '--json')).stdout);
  assert.deepEqual(vocabulary.symbols, ['\n', 'a', 'c', 'f', '\\xA9', '\\xC3']);
  const surprise = await run('eval', 'm.safetensors', 'text', '--surprise');
  assert.equal(surprise.code, 0, surprise.stderr);
  assert.match(surprise.stdout, /caf\u00e9\ncaf\u00e9\ncaf\u00e9/);
  assert.doesNotMatch(surprise.stdout, /\u00c3/);
  const { surprising } = JSON.parse(
    (await run('eval', 'm.safetensors', 'text', '--surprise', '--json')).stdout,
  );
  assert.ok(surprising.every(({ symbol }: { symbol: string }) => /^(\\x..|[\n-z])$/.test(symbol)));
  const sampled = await run('sample', 'm.safetensors', '-primetext', 'caf\u00e8', '-length', '3');
  assert.match(
    sampled.stderr,
    /byte 5 of the prompt is not in the model's vocabulary: byte 0xA8 of "\u00e8"/,
  );
});

/** The bytes of a text, as the symbols of a byte model are shown. */
function shownBytes(text: string): string[] {
  return Array.from(new TextEncoder().encode(text), (byte) => symbolText(String.fromCharCode(byte), 'byte'));
}

test('the symbols of a byte model, joined, are the text again', () => {
  for (const text of ['plain', 'déjà vu — 床前明月光 😀', 'a backslash: \\xC3 stays', ''])
    assert.equal(joinSymbolTexts(shownBytes(text)), text);
  assert.equal(joinSymbolTexts(shownBytes('ab—').slice(0, 4)), 'ab', 'an unfinished character');
  assert.equal(joinSymbolTexts(['\\xFF', 'a']), '\ufffda');
  assert.equal(joinSymbolTexts(Array.from('床\\x41')), '床\\x41');
});

test('a text and the symbols of a byte model after it are a text or, with half a character, bytes', () => {
  const dash = [...shownBytes('—')];
  assert.equal(joinedContent('a \\xC3 ', [...dash, '!']), 'a \\xC3 —!');
  assert.equal(joinedContent('é', []), 'é');
  assert.equal(joinedContent('é', ['\ufeff', '漢', '\\']), 'é\ufeff漢\\');
  assert.deepEqual(joinedContent('é', dash.slice(0, 2)), Uint8Array.of(0xc3, 0xa9, 0xe2, 0x80));
  assert.deepEqual(joinedContent('', ['a', '\\x80', 'b']), Uint8Array.of(0x61, 0x80, 0x62));
});
