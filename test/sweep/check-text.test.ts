/** A text that is not the one of the sweep. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHashes } from '../../src/sweep/check-text.node.ts';

const text = { textFile: ['/a/book.txt'], name: 'book.txt', sha256: 'a', validation: '/a/held-out.txt' };

test('texts are compared by their hashes, wherever they are; held-out ones too', () => {
  const wanted = { ...text, validationSha256: 'v' };
  checkHashes({ ...wanted, textFile: ['/b/other.txt'], name: 'other.txt' }, wanted);
  assert.throws(() => checkHashes({ ...wanted, sha256: 'b' }, wanted), {
    code: 'sweep-other-text',
    message: /^book\.txt has changed since the sweep was created\./,
  });
  assert.throws(() => checkHashes({ ...wanted, validationSha256: 'w' }, wanted), {
    code: 'sweep-other-text',
    message: /^\/a\/held-out\.txt has changed/,
  });
});
