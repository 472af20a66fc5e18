/** A text that is not the one of the sweep. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkHashes, checkSameText, checkTextHere } from '../../src/sweep/check-text.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { SWEEP } from './store-contract.ts';

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

test('on another machine: a missing text, another one, one too short for a trial, another held-out text', async (context) => {
  const folder = temporaryFolder(context);
  const write = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const hash = (content: string) => createHash('sha256').update(content).digest('hex');
  const content = 'the harbour wall stood in the rain. '.repeat(60);
  const [book, heldOut] = [write('book.txt', content), write('held-out.txt', content)];
  const wanted = { name: 'book.txt', sha256: hash(content), validationSha256: hash(content) };
  const here = (textFile: string, validation: string) =>
    checkTextHere(SWEEP.definition, { ...wanted, textFile: [textFile], validation });
  await here(book, heldOut);
  const gone = join(folder, 'gone.txt');
  const other = (path: string) => ({
    code: 'sweep-other-text',
    problem: `${path} is not the text of the sweep: its content differs (SHA-256).`,
  });
  await assert.rejects(here(gone, heldOut), {
    code: 'sweep-other-text',
    problem: /^this machine does not have book\.txt, the text of the sweep: there is no text at .*gone\.txt/,
    message: /give its path with `textFile` or `validation`\.$/,
  });
  const longer = write('longer.txt', `${content}!`);
  await assert.rejects(here(longer, heldOut), other(longer));
  const doubled = write('doubled.txt', content + content);
  await assert.rejects(here(book, doubled), other(doubled));
  await assert.rejects(here(book, longer), {
    code: 'sweep-other-text',
    problem: /^this machine has another held-out text than the sweep: .*longer\.txt.*"!"/,
  });
  await assert.rejects(here(book, gone), {
    code: 'sweep-other-text',
    problem: /^this machine does not have a held-out text of the sweep: there is no .*gone\.txt/,
  });
  // The held-out text has symbols that the wrong text lacks.
  const digits = write('digits.txt', '0123456789 '.repeat(200));
  await assert.rejects(here(digits, heldOut), other(digits));
  const there = { ...wanted, validation: heldOut };
  await assert.rejects(checkSameText(SWEEP.definition, { ...there, textFile: [digits] }), {
    code: 'sweep-other-text',
    message: /^book\.txt has changed/,
  });
  const short = write('short.txt', 'different');
  const alone = { name: 'book.txt', sha256: hash(content), textFile: [short] };
  await assert.rejects(checkTextHere(SWEEP.definition, alone), other(short));
  await assert.rejects(checkSameText(SWEEP.definition, alone), {
    code: 'sweep-other-text',
    message: /^book\.txt has changed/,
  });
});
