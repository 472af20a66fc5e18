/** Tokens on disk can be read from anywhere and are read ahead, and damage is detected. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { equalCuts } from '../../src/data/batches/cuts.ts';
import { RowBatches } from '../../src/data/batches/row-batches.ts';
import { FileTokens } from '../../src/data/tokens/file-tokens.node.ts';
import { MemoryTokens, tokenArray } from '../../src/data/tokens/memory-tokens.ts';
import { TokenFileWriter, tokenFileBytes } from '../../src/data/tokens/token-file.node.ts';
import { BLOCK_TOKENS, TokenPacker, tokenWidth } from '../../src/data/tokens/token-packer.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** The same random tokens in a file and in memory. About every tenth begins a document. */
async function both(context: TestContext, vocabularySize: number, count: number) {
  const path = join(temporaryFolder(context), 'x.tokens');
  const writer = await TokenFileWriter.create(path);
  const width = tokenWidth(vocabularySize);
  const packer = new TokenPacker(new Uint8Array(BLOCK_TOKENS * 4), width, true, writer);
  const array = tokenArray(vocabularySize, count);
  const starts = new Uint8Array(Math.ceil(count / 8));
  const random = new MersenneTwister(1);
  for (let at = 0; at < count; at++) {
    if (random.nextUniform() < 0.1) {
      packer.startDocument();
      starts[at >> 3] = (starts[at >> 3] ?? 0) | (1 << (at & 7));
    }
    array[at] = Math.floor(random.nextUniform() * vocabularySize);
    packer.put(array[at] as number);
  }
  packer.finish();
  await writer.finish();
  const facts = { id: writer.id, count, width, hasDocuments: true };
  const file = await FileTokens.open(path, facts, vocabularySize);
  assert.ok(file);
  context.after(() => file.close());
  return { path, facts, file, memory: new MemoryTokens(array, starts) };
}

for (const vocabularySize of [200, 60_000, 100_000]) {
  test(`a file gives the same batches as memory, ${vocabularySize} symbols`, async (context) => {
    const { path, facts, file, memory } = await both(context, vocabularySize, 3 * BLOCK_TOKENS + 1234);
    assert.equal(readFileSync(path).length, tokenFileBytes(facts));
    const length = Math.floor(file.length / 3000) * 3000;
    const cuts = equalCuts(1000, 0, length / 3000 - 1);
    const [ours, theirs] = [file, memory].map(
      (tokens) => new RowBatches({ tokens, offset: 7, length: length - 3000 }, 3, cuts),
    ) as [RowBatches, RowBatches];
    for (let index = 0; index < ours.count; index++)
      assert.deepEqual(await ours.batch(index), await theirs.batch(index));
    // Back to the start, as in a new epoch.
    assert.deepEqual(await ours.batch(0), await theirs.batch(0));
  });
}

test('reads that span blocks, start anywhere or exceed the end', async (context) => {
  const { file, memory } = await both(context, 100, 2 * BLOCK_TOKENS + 5);
  for (const [offset, length] of [
    [0, 1],
    [BLOCK_TOKENS - 1, 2],
    [5, 2 * BLOCK_TOKENS],
    [2 * BLOCK_TOKENS, 5],
  ] as const) {
    const [ours, theirs] = [new Int32Array(length), new Int32Array(length)];
    await Promise.all([file.reader().read(offset, ours), memory.read(offset, theirs)]);
    assert.deepEqual(ours, theirs);
  }
  for (const tokens of [file, memory])
    await assert.rejects(tokens.read(2 * BLOCK_TOKENS + 3, new Int32Array(3)), RangeError);
});

test('reading a damaged or moved block is an error', async (context) => {
  const { path, facts, file } = await both(context, 100, 3 * BLOCK_TOKENS);
  const whole = readFileSync(path);
  const block = (whole.length - 64) / 3;
  const damages: [string, (bytes: Buffer) => void][] = [
    ['a bit of a token', (bytes) => bytes.writeUInt8((bytes[64 + block + 500] ?? 0) ^ 1, 64 + block + 500)],
    [
      'a bit of a start',
      (bytes) => bytes.writeUInt8((bytes[64 + 2 * block - 1] ?? 0) ^ 128, 64 + 2 * block - 1),
    ],
    [
      'blocks exchanged',
      (bytes) => {
        const first = bytes.subarray(64, 64 + block);
        const copy = Buffer.from(first);
        first.set(bytes.subarray(64 + block, 64 + 2 * block));
        bytes.set(copy, 64 + block);
      },
    ],
  ];
  for (const [what, damage] of damages) {
    const bytes = Buffer.from(whole);
    damage(bytes);
    writeFileSync(path, bytes);
    await assert.rejects(
      file.reader().read(BLOCK_TOKENS + 10, new Int32Array(10)),
      { code: 'text-damaged' },
      what,
    );
  }
  writeFileSync(path, whole.subarray(0, -1));
  assert.equal(await FileTokens.open(path, facts, 100), undefined, 'cut short');
  writeFileSync(path, whole);
  assert.equal(
    await FileTokens.open(path, { ...facts, id: '0'.repeat(32) }, 100),
    undefined,
    'of another id',
  );
  rmSync(path);
  assert.deepEqual(readdirSync(join(path, '..')), []);
});
