/** A whole text in memory, such as a prompt, is read as a training text is. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readWholeText } from '../../src/data/text/whole-text.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';

test('the separator is added between files that do not end with it', async (context) => {
  const folder = temporaryFolder(context);
  for (const [name, text] of [
    ['a.txt', 'one'],
    ['b.txt', 'two|'],
    ['c.txt', 'three'],
  ] as const)
    writeFileSync(join(folder, name), text);
  const read = async (separator?: string) =>
    (await readWholeText(folder, { tokens: 'character', separator })).content;
  assert.equal(await read('|'), 'one|two|three');
  assert.equal(await read(), 'onetwo|three');
});
