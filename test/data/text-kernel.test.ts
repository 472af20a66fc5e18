/** Compares the WebAssembly kernel and its JavaScript fallback with simple loops over the same bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextKernel } from '../../src/data/text/text-kernel.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';

/** Characters of one to four bytes, including the first and last of each length. */
const LETTERS = [...'aé \nжЖ\u0080\u07ff\u0800人\ud7ff\ue000\uffff\u{10000}🙂\u{10ffff}'];
const FLAWS = [
  [0x80],
  [0xc0, 0x80],
  [0xc1, 0xbf],
  [0xc3],
  [0xe0, 0x9f, 0xbf],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xff],
];

const random = new MersenneTwister(5);
const below = (limit: number) => Math.floor(random.nextUniform() * limit);

/** Words, each in one alphabet, with ASCII between them. */
function randomText(words: number): string {
  return Array.from({ length: words }, () => {
    const [first, second] = [LETTERS[below(LETTERS.length)], LETTERS[below(LETTERS.length)]];
    const word = Array.from({ length: below(12) }, () => (below(2) ? first : second)).join('');
    return `${word}${' the sea, '.slice(0, below(11))}`;
  }).join('');
}

const utf8 = new TextEncoder();

for (const isPlain of [false, true]) {
  const name = isPlain ? 'without WebAssembly' : 'WebAssembly';
  test(`${name}: counts characters and encodes them in every width, like a simple loop`, async () => {
    for (let round = 0; round < 30; round++) {
      const text = randomText(1 + below(60));
      const bytes = utf8.encode(text);
      const kernel = await TextKernel.make(isPlain);
      const counts = new Map<number, number>();
      for (const char of text)
        counts.set(char.codePointAt(0) ?? 0, (counts.get(char.codePointAt(0) ?? 0) ?? 0) + 1);
      assert.equal(kernel.count(bytes, 'character').stop, 'end');
      assert.deepEqual(new Map([...kernel.counts()].sort()), new Map([...counts].sort()));
      const symbols = [...counts.keys()];
      kernel.setTokens(symbols.map((symbol, token) => [symbol, token] as const));
      kernel.load(bytes);
      for (const width of [1, 2, 4] as const) {
        const { produced, consumed, stop } = kernel.encode(0, bytes.length, 0, width, 'character');
        assert.deepEqual([consumed, stop], [bytes.length, 'end']);
        const view = new DataView(kernel.output.buffer, kernel.output.byteOffset);
        const tokens = Array.from({ length: produced }, (_, at) =>
          width === 1
            ? view.getUint8(at)
            : width === 2
              ? view.getUint16(2 * at, true)
              : view.getUint32(4 * at, true),
        );
        assert.equal(String.fromCodePoint(...tokens.map((token) => symbols[token] ?? 0)), text);
      }
    }
  });

  test(`${name}: finds the first byte that is not UTF-8, and the first symbol without a token`, async () => {
    const kernel = await TextKernel.make(isPlain);
    for (let round = 0; round < 300; round++) {
      const [before, after] = [utf8.encode(randomText(below(20))), utf8.encode(randomText(below(20)))];
      const flaw = FLAWS[round % FLAWS.length] as number[];
      const bytes = Uint8Array.from([...before, ...flaw, 0x61, ...after]);
      const { consumed, stop } = kernel.count(bytes, 'character');
      assert.deepEqual([consumed, stop], [before.length, 'invalid'], `${flaw} after ${before.length} bytes`);
    }
    // Symbols above all that have a token, and symbols between them.
    for (const unknown of ['Ж', '\u0800', '人', '\u{10000}', '\u{10ffff}']) {
      for (const known of [LETTERS.filter((letter) => letter !== unknown), [...'aé \n']]) {
        const without = (text: string) => [...text].filter((letter) => known.includes(letter)).join('');
        const tokens = known.map((letter, token) => [letter.codePointAt(0) ?? 0, token] as const);
        for (let round = 0; round < 20; round++) {
          const before = without(randomText(below(20)));
          const bytes = utf8.encode(`${before}${unknown}${randomText(5)}`);
          const { length } = utf8.encode(before);
          const end = length + utf8.encode(unknown).length;
          kernel.load(bytes);
          kernel.setTokens(tokens);
          const { consumed, stop, symbol } = kernel.encode(0, end, 0, 1, 'character');
          assert.deepEqual([consumed, stop, symbol], [length, 'unknown', unknown.codePointAt(0)]);
          kernel.setTokens(tokens, 200);
          const { produced } = kernel.encode(0, end, 0, 1, 'character');
          assert.deepEqual([produced, kernel.output[produced - 1]], [[...before].length + 1, 200]);
        }
      }
    }
  });

  test(`${name}: stops when the output is full, and continues there`, async () => {
    const kernel = await TextKernel.make(isPlain);
    const text = 'жизнь у моря '.repeat(6000);
    const bytes = utf8.encode(text);
    kernel.setTokens([...new Set(text)].map((letter, token) => [letter.codePointAt(0) ?? 0, token]));
    kernel.load(bytes);
    let [at, tokens, stops] = [0, 0, 0];
    while (at < bytes.length) {
      const { consumed, produced, stop } = kernel.encode(at, bytes.length, 0, 1, 'character');
      at += consumed;
      tokens += produced;
      if (stop === 'full') stops++;
    }
    assert.deepEqual([tokens, stops], [text.length, Math.floor(text.length / kernel.outputTokens)]);
  });
}

test('a released kernel is used again, without the counts of the earlier text', async () => {
  const first = await TextKernel.make();
  first.count(utf8.encode('aé人\u{10ffff}'), 'character');
  first.setTokens([[0x4eba, 5]], 7);
  first.release();
  const second = await TextKernel.make();
  assert.equal(second, first);
  assert.notEqual(await TextKernel.make(), second, 'it is in use');
  assert.equal(second.counts().size, 0);
  second.count(utf8.encode('ab'), 'character');
  assert.deepEqual(
    [...second.counts()],
    [
      [0x61, 1],
      [0x62, 1],
    ],
  );
  second.setTokens([[0x61, 0]]);
  second.load(utf8.encode('a人'));
  const { produced, stop, symbol } = second.encode(0, 4, 0, 1, 'character');
  assert.deepEqual([produced, stop, symbol], [1, 'unknown', 0x4eba]);
});
