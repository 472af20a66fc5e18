/** A line end in the separator matches any line end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutDocuments, DocumentCutter, endsWithSeparator } from '../../src/data/text/documents.ts';

const text = 'a\nb\n---\nc\n---\n\n---\nd';
const documents = ['a\nb\n---\n', 'c\n---\n', '\n---\n', 'd'];
const as = (value: string, end: string) => value.replaceAll('\n', end);

for (const [name, end] of Object.entries({ LF: '\n', CRLF: '\r\n', CR: '\r' })) {
  test(`lines that end in ${name}: in memory, as bytes, and in blocks of any size`, () => {
    const expected = documents.map((document) => as(document, end));
    const content = as(text, end);
    const bytes = new TextEncoder().encode(content);
    assert.deepEqual(cutDocuments(content, '\n---\n'), expected);
    const decode = (part: Uint8Array) => new TextDecoder().decode(part);
    assert.deepEqual(cutDocuments(bytes, '\n---\n').map(decode), expected);
    for (const size of [1, 2, 3, 5, 8, 100]) {
      const cutter = new DocumentCutter('\n---\n', { wholeCharacters: true });
      cutter.begin(0, bytes);
      const found = [''];
      for (let at = 0; at < bytes.length; at += size) {
        for (const part of cutter.push(bytes.slice(at, at + size), at + size >= bytes.length)) {
          found[found.length - 1] += decode(part.bytes);
          if (part.endsDocument) found.push('');
        }
      }
      assert.deepEqual(found, expected, `blocks of ${size}`);
    }
    assert.ok(endsWithSeparator(as('x\n---\n', end), '\n---\n'));
    assert.ok(!endsWithSeparator(as('x\n---', end), '\n---\n'));
  });
}

test('with a line end as the separator, every line is a document', () => {
  assert.deepEqual(cutDocuments('a\r\nb\nc\r\n', '\n'), ['a\r\n', 'b\n', 'c\r\n']);
  assert.deepEqual(cutDocuments('a\rb\r', '\n'), ['a\r', 'b\r']);
  // CR is no line end in a text with line feeds.
  assert.deepEqual(cutDocuments('a\rb\nc', '\n'), ['a\rb\n', 'c']);
});
