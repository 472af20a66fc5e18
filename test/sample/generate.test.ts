import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { LanguageModel } from '../../src/language-model.ts';
import { CharacterPieces } from '../../src/sample/character-pieces.ts';
import type { GenerateInput } from '../../src/sample/generate-input.ts';
import { encodePrompt, type UnknownInPrompt } from '../../src/sample/prompt.ts';
import { sequenceSeed } from '../../src/sample/sequence-seed.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';
import { drawToken } from './draw-token.ts';

async function generate(model: LanguageModel, input: GenerateInput): Promise<string> {
  let text = '';
  for await (const piece of model.generate(input)) text += piece;
  return text;
}

const model = new LanguageModel(madeCheckpoint());

test('the seed determines the text; the unknown token is never drawn', async () => {
  const one = await generate(model, { length: 300, seed: 5 });
  assert.equal(await generate(model, { length: 300, seed: 5 }), one);
  assert.notEqual(await generate(model, { length: 300, seed: 6 }), one);
  assert.equal([...one].length, 300);
  assert.ok(!one.includes('\uFFFD'));
  const hot = await generate(model, { length: 300, temperature: 100 });
  assert.ok(!hot.includes('\uFFFD'));
  assert.ok(!(await generate(model, { length: 50, temperature: 0 })).includes('\uFFFD'));
});

test('temperatures from 0 to 100 draw a token, whatever the log-probabilities', () => {
  const extremes = fc.array(fc.constantFrom(-1e300, -800, -5, -0.1, 0, Number.NEGATIVE_INFINITY), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(
      extremes,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.constantFrom(0, 1e-9, 0.5, 1, 100),
      (logs, uniform, temperature) => {
        fc.pre(logs.some((value) => value > Number.NEGATIVE_INFINITY));
        const token = drawToken(Float64Array.from(logs), uniform, temperature);
        assert.ok((logs[token] ?? Number.NEGATIVE_INFINITY) > Number.NEGATIVE_INFINITY);
      },
    ),
  );
});

test('echo puts the prompt first; a length of 0 draws nothing', async () => {
  assert.equal(await generate(model, { prompt: 'a\u{1F600}', length: 0, echo: true }), 'a\u{1F600}');
  assert.equal(await generate(model, { prompt: 'a', length: 0 }), '');
  const echoed = await generate(model, { prompt: 'a', length: 5, echo: true });
  assert.equal(echoed, `a${await generate(model, { prompt: 'a', length: 5 })}`);
});

test("a signal ends it with the signal's reason", async () => {
  const controller = new AbortController();
  let pieces = 0;
  await assert.rejects(
    async () => {
      for await (const _ of model.generate({ length: 1e6, signal: controller.signal })) {
        if (++pieces === 3) controller.abort(new Error('enough'));
      }
    },
    { message: 'enough' },
  );
  assert.equal(pieces, 3);
});

test('in a batch each text is the one of its seed and prompt', async () => {
  const prompts = ['a', '', 'a\u00e9a', '\u20ac', 'a\u00e9a'];
  const texts = await model.generateAll({ prompts, length: 40, seed: 7 });
  assert.equal(texts.length, 5);
  for (const [k, prompt] of prompts.entries()) {
    assert.equal(
      texts[k],
      await generate(model, { prompt, length: 40, seed: sequenceSeed(7, k) }),
      `text ${k}`,
    );
  }
  assert.notEqual(texts[2], texts[4]);
  assert.deepEqual(await model.generateAll({ prompts: [], length: 5 }), []);
  const greedy = await model.generateAll({ prompts: ['a', 'a'], length: 20, temperature: 0, echo: true });
  assert.equal(greedy[0], greedy[1]);
  assert.ok(greedy[0]?.startsWith('a'));
});

test('pieces of several prompts have the index of their text; bytes are not changed', async () => {
  const symbols = ['a', '\u00c3', '\u00ff'];
  const vocabulary = new Vocabulary({ kind: 'byte', normalize: 'none', symbols, hasUnknown: false });
  const bytes = new LanguageModel(madeCheckpoint({ vocabulary }));
  const prompts = ['a', Uint8Array.of(0xff), ''];
  const texts = prompts.map((): number[] => []);
  const endings: string[] = [];
  for await (const piece of bytes.generatePieces({ prompts, length: 40, seed: 7 })) {
    texts[piece.index]?.push(...piece.bytes);
    if (piece.ending) endings[piece.index] = piece.ending;
  }
  assert.deepEqual(
    texts.map((text) => text.length),
    [40, 40, 40],
  );
  assert.deepEqual(endings, ['length', 'length', 'length']);
  const decoder = new TextDecoder();
  assert.deepEqual(
    texts.map((text) => decoder.decode(Uint8Array.from(text))),
    await bytes.generateAll({ prompts, length: 40, seed: 7 }),
  );
  assert.ok(texts.flat().includes(0xff), 'a byte that never occurs in UTF-8');
});

test('the seed of sample 0 is the seed itself, and all others differ', () => {
  assert.equal(sequenceSeed(123, 0), 123);
  assert.equal(new Set(Array.from({ length: 1000 }, (_, k) => sequenceSeed(123, k))).size, 1000);
  assert.ok(sequenceSeed(2 ** 32 - 1, 5) >= 0);
});

test('invalid options are named', async () => {
  await assert.rejects(generate(model, { temperature: -1 }), { option: 'temperature' });
  await assert.rejects(generate(model, { seed: 1.5 }), { option: 'seed' });
});

function vocabulary(
  symbols: string,
  changes: Partial<ConstructorParameters<typeof Vocabulary>[0]> = {},
): Vocabulary {
  return new Vocabulary({
    kind: 'character',
    normalize: 'none',
    symbols: [...symbols].sort(),
    hasUnknown: false,
    ...changes,
  });
}

function read(known: Vocabulary, prompt: string, unknown: UnknownInPrompt) {
  const { tokens, bytes, notices } = encodePrompt(known, prompt, unknown);
  assert.equal(tokens.map((token) => known.symbolOf(token)).join(''), Buffer.from(bytes).toString());
  return { text: Buffer.from(bytes).toString(), notices: notices.join('\n') };
}

test('an unknown character of the prompt is an error with its position, left out, or replaced', () => {
  const known = vocabulary('abc e\'"-EF');
  assert.throws(() => encodePrompt(known, 'ab\u{1F600}', 'error'), {
    code: 'text-unknown-character',
    message: /character 3, .*U\+1F600.*\n.*unknown: "nearest"\n.*unknown: "skip"/,
  });
  assert.deepEqual(read(known, 'a\u{1F600}b\u{1F600}', 'skip'), {
    text: 'ab',
    notices: 'the model does not know some characters of the prompt; left out "\u{1F600}" (U+1F600) 2 times',
  });
  const nearest: [string, string][] = [
    ['\uFF41', 'a'],
    ['\u00e9', 'e'],
    ['A', 'a'],
    ['f', 'F'],
    ['\u00c1', 'a'],
    ['\u2019', "'"],
    ['\u201c', '"'],
    ['\u2014', '-'],
    ['\u00a0', ' '],
    ['\u{1F600}', ''],
  ];
  for (const [from, to] of nearest) assert.equal(read(known, `a${from}`, 'nearest').text, `a${to}`, from);
  for (const [from, to] of nearest.filter(([, near]) => near !== '')) {
    assert.equal(read(known, `a${from}`, 'auto').text, `a${to}`, from);
  }
  assert.throws(() => encodePrompt(known, 'a\u{1F600}', 'auto'), {
    code: 'text-unknown-character',
    message: /character 2, .*U\+1F600.*\n.*unknown: "skip"$/,
  });
  assert.match(read(known, 'A', 'nearest').notices, /replaced "A" with "a"/);
});

test('a model with an unknown token reads that for every unknown character, whatever the rule', () => {
  const known = vocabulary('ab', { hasUnknown: true });
  for (const rule of ['error', 'skip', 'nearest'] as const) {
    assert.deepEqual(encodePrompt(known, 'aXb', rule).tokens, [0, 2, 1]);
  }
});

test('prompts are normalised like the training text', () => {
  const known = vocabulary('a\u00e9', { normalize: 'nfc' });
  assert.equal(read(known, 'e\u0301', 'error').text, '\u00e9');
});

test('bytes are returned in whole characters, and none is lost', () => {
  const bytes = new Vocabulary({ kind: 'byte', normalize: 'none', symbols: ['a', 'b'], hasUnknown: false });
  const anyBytes = fc.array(
    fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80)),
  );
  fc.assert(
    fc.property(anyBytes, (values) => {
      const pieces = new CharacterPieces(bytes);
      const out = [...values.flatMap((value) => [...pieces.push(Uint8Array.of(value))]), ...pieces.end()];
      assert.deepEqual(
        out.flatMap((piece) => [...piece]),
        values,
      );
    }),
  );
  const pieces = new CharacterPieces(bytes);
  const euro = [...Buffer.from('a\u20ac\u{1F600}')].flatMap((value) => [
    ...pieces.push(Uint8Array.of(value)),
  ]);
  assert.deepEqual(
    euro.map((piece) => Buffer.from(piece).toString()),
    ['a', '\u20ac', '\u{1F600}'],
  );
});
