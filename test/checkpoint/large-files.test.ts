/** Files larger than memory. They are sparse, so they take no space on disk. */
import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withFile } from '../../src/checkpoint/safetensors/file-source.node.ts';
import { readCheckpointFile } from '../../src/formats/read.node.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const FOUR_TERABYTES = 2 ** 42;
const starts = {
  safetensors: [2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d],
  npz: [0x50, 0x4b, 3, 4],
  onnx: [8, 8, 0x12, 0],
  torch7: [4, 0, 0, 0, 1, 0, 0, 0],
};

test('rejects a file larger than memory before reading it, whatever its format', async (context) => {
  for (const [format, start] of Object.entries(starts)) {
    const path = join(temporaryFolder(context), `huge.${format}`);
    writeFileSync(path, Uint8Array.from(start));
    truncateSync(path, FOUR_TERABYTES);
    await assert.rejects(readCheckpointFile(path), { code: 'memory', message: /has 4[.\d]* TB/ }, format);
  }
});

test('recognises a file of another kind, however large', async (context) => {
  const path = join(temporaryFolder(context), 'huge.txt');
  writeFileSync(path, 'Once upon a time there was a text. '.repeat(4));
  truncateSync(path, FOUR_TERABYTES);
  await assert.rejects(readCheckpointFile(path), {
    code: 'checkpoint-other-kind',
    message: /looks like text/,
  });
});

test('a part that is too large for an array is a named error', (context) => {
  const path = join(temporaryFolder(context), 'huge');
  writeFileSync(path, '');
  truncateSync(path, FOUR_TERABYTES);
  assert.throws(() => withFile(path, (file) => file.read(0, file.size)), {
    code: 'checkpoint-unreadable',
    message: /an array of/,
  });
});
