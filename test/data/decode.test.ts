import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeText } from '../../src/data/encoding/decode.ts';

const characters = { tokens: 'character' } as const;

test('keeps bytes unchanged, whatever they are', () => {
  const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0, 0xff, 13, 10);
  const decoded = decodeText(bytes, 'x', { tokens: 'byte' });
  assert.equal(decoded.content, bytes);
  assert.deepEqual(decoded.notices, []);
});

test('drops a byte order mark and keeps CRLF, with notices', () => {
  const { content, notices } = decodeText(Buffer.from('\uFEFFa\r\nb\r\n'), 'book.txt', characters);
  assert.equal(content, 'a\r\nb\r\n');
  assert.equal(notices.length, 2);
  assert.match(notices[0] ?? '', /book\.txt.*byte order mark/);
  assert.equal(notices[1], 'book.txt: 2 lines end in CRLF, not in LF; kept as they are');
  const one = decodeText(Buffer.from('a\r\nb\n'), 'book.txt', characters);
  assert.deepEqual(one.notices, ['book.txt: one line ends in CRLF, not in LF; kept as it is']);
});

test('an empty file, a file with only a mark, a binary file', () => {
  assert.throws(() => decodeText(new Uint8Array(), 'x', characters), { code: 'text-empty' });
  assert.throws(() => decodeText(Uint8Array.of(0xef, 0xbb, 0xbf), 'x', characters), { code: 'text-empty' });
  assert.throws(() => decodeText(Uint8Array.of(97, 0, 98), 'x', characters), {
    code: 'text-binary',
    message: /byte 1 is NUL.*\n.*tokens: "byte"/,
  });
});

/** [description, bytes, offset of the invalid byte] */
const invalid: [string, number[], number][] = [
  ['a lone Latin-1 letter', [97, 98, 0xe9, 99], 2],
  ['a lone continuation byte', [0x80], 0],
  ['an overlong slash', [97, 0xc0, 0xaf], 1],
  ['an overlong form of three bytes', [0xe0, 0x80, 0x80], 0],
  ['a surrogate', [0xed, 0xa0, 0x80], 0],
  ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80], 0],
  ['cut short at the end', [97, 0xe2, 0x82], 1],
  ['after a byte order mark', [0xef, 0xbb, 0xbf, 97, 0xff], 4],
  ['after characters of every length', [...Buffer.from('a\u00e9\u20ac\u{1F600}'), 0xff], 10],
];
for (const [what, bytes, offset] of invalid) {
  test(`invalid UTF-8, ${what}: the error has the offset and remedies`, () => {
    assert.throws(
      () => decodeText(Uint8Array.from(bytes), 'input.txt', { ...characters, encoding: 'utf-8' }),
      {
        code: 'text-not-utf8',
        message: new RegExp(
          `^input\\.txt: byte ${offset} is not valid UTF-8 \\(0x[0-9A-F]{2}\\)\\.\n.*encoding: .*\n.*tokens: "byte"`,
        ),
      },
    );
  });
}

test('decoding inverts encoding', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
      fc.pre(!text.startsWith('\uFEFF') && !text.includes('\u0000'));
      assert.equal(decodeText(Buffer.from(text), 'x', characters).content, Buffer.from(text).toString());
    }),
  );
});
