import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { wideEncoding } from '../../src/data/encoding/wide-text.ts';
import { fileKind } from '../../src/data/files/file-kind.ts';
import { encodeText } from './encode-text.ts';

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** [first bytes, kind, a part of the name] */
const formats: [string, string, RegExp][] = [
  ['BZh91AY&SY....', 'packed', /bzip2/],
  ['\xfd7zXZ\0\0\x04', 'packed', /xz/],
  ['\x28\xb5\x2f\xfd\x24\0', 'packed', /Zstandard/],
  ['7z\xbc\xaf\x27\x1c\0\x04', 'packed', /7-Zip/],
  ['Rar!\x1a\x07\x01\0', 'packed', /RAR/],
  ['PK\x03\x04....notes.txt', 'packed', /zip/],
  ['PK\x05\x06\0\0\0\0', 'packed', /zip/],
  [`${'a.txt'.padEnd(257, '\0')}ustar\x0000`, 'packed', /tar/],
  ['PK\x03\x04...[Content_Types].xml...word/document.xml', 'document', /docx/],
  ['PK\x03\x04...xl/workbook.xml', 'document', /xlsx/],
  ['PK\x03\x04...mimetypeapplication/vnd.oasis.opendocument.textPK', 'document', /OpenDocument/],
  ['PK\x03\x04...mimetypeapplication/epub+zipPK', 'document', /EPUB/],
  ['%PDF-1.7\n%\xe2\xe3', 'document', /PDF/],
  ['{\\rtf1\\ansi', 'document', /RTF/],
  ['\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0', 'document', /Office/],
  ['\x89PNG\r\n\x1a\n\0', 'binary', /PNG/],
  ['\xff\xd8\xff\xe0\0\x10JFIF', 'binary', /JPEG/],
  ['\x7fELF\x02\x01\x01\0', 'binary', /program/],
  ['SQLite format 3\0', 'binary', /SQLite/],
  ['a text with a \0 in it', 'binary', /binary data/],
];
for (const [start, is, name] of formats) {
  test(`a file that begins with ${JSON.stringify(start.slice(0, 12))} is ${is}`, () => {
    const kind = fileKind(bytes(start));
    assert.equal(kind.is, is);
    assert.match('name' in kind ? kind.name : '', name);
  });
}

test('recognises gzip by content', () => {
  assert.equal(fileKind(gzipSync('a text')).is, 'gzip');
  assert.notEqual(fileKind(deflateRawSync('a text')).is, 'gzip');
});

test('takes texts that begin like a format for texts', () => {
  for (const text of [
    'BZh, he said',
    'PK is a name',
    'LZIP',
    '7zip',
    'Rarely',
    'MZ',
    'BM',
    'II*',
    'GIF',
    '%!',
    '',
  ]) {
    assert.equal(fileKind(bytes(text)).is, 'text', text);
  }
});

test('recognises text in any encoding', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300, min: 0x20 }), (start) => {
      fc.pre(!/^(?:%PDF|\{.rtf|%!PS)/.test(String.fromCharCode(...start)));
      return fileKind(start).is === 'text' || start[0] === 0xff;
    }),
  );
});

const samples = {
  English: 'It is a truth universally acknowledged, that a single man …\n',
  Russian: 'Все счастливые семьи похожи друг на друга.\n',
  Chinese: '天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。\n寒来暑往，秋收冬藏。\n',
  Japanese: '吾輩は猫である。名前はまだ無い。\nどこで生れたか。\n',
};
for (const [language, text] of Object.entries(samples)) {
  for (const encoding of ['utf-16le', 'utf-16be', 'utf-32le', 'utf-32be'] as const) {
    test(`${language} in ${encoding}, with a byte order mark and without`, () => {
      assert.deepEqual(wideEncoding(encodeText(text.repeat(3), encoding)), { encoding, mark: 0 });
      const mark = encoding.startsWith('utf-32') ? 4 : 2;
      assert.deepEqual(wideEncoding(encodeText(`\ufeff${text}`, encoding)), { encoding, mark });
      assert.equal(fileKind(encodeText(text, encoding)).is, 'text');
    });
  }
}

test('does not take other data with NULs for UTF-16 or UTF-32', () => {
  for (const text of [
    'abc\0def, and so on',
    '\0\0\0\0',
    'text\0\0\0\0\0\0\0\0',
    'ab\0\0cd',
    '\xe9t\xe9\0 fini',
  ]) {
    assert.equal(wideEncoding(bytes(text)), undefined, JSON.stringify(text));
  }
  assert.equal(wideEncoding(bytes(`\xff\xfe${'\0'.repeat(40)}`)), undefined);
});
