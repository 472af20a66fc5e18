/** Samples are yielded while others are still growing, so nothing waits for the last one, and finished samples survive an interruption. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Vocabulary } from '../../src/data/vocabulary.ts';
import { LanguageModel } from '../../src/language-model.node.ts';
import type { SampleProgress } from '../../src/sample/samples.ts';
import { madeCheckpoint } from '../checkpoint/made-checkpoint.ts';

const symbols = [...'\n abcdefghijklmnop'];
const vocabulary = new Vocabulary({ kind: 'character', normalize: 'none', symbols, hasUnknown: false });
const model = new LanguageModel(madeCheckpoint({ vocabulary }), { threads: 1 });
after(() => model.close());

interface Whole {
  readonly seed: number;
  readonly text: string;
  readonly ending: string;
}

async function whole(input: Parameters<LanguageModel['samples']>[0]): Promise<Whole[]> {
  const found: Whole[] = [];
  for await (const { seed, text, ending } of model.samples(input)) found.push({ seed, text, ending });
  return found;
}

/** The same samples, joined from their pieces. */
async function joined(input: Parameters<LanguageModel['samplePieces']>[0]): Promise<Whole[]> {
  const found: Whole[] = [];
  let text = '';
  for await (const { seed, bytes, ending } of model.samplePieces(input)) {
    text += new TextDecoder().decode(bytes);
    if (ending === undefined) continue;
    found.push({ seed, text, ending });
    text = '';
  }
  assert.equal(text, '', 'every sample has an ending');
  return found;
}

for (const [name, input] of Object.entries({
  'of one length': { count: 5, length: 300 },
  'of different lengths': { count: 20, lines: 1, length: 200 },
  'in several batches': { count: 150, length: 3 },
  'that end at a stop text': { count: 12, stop: ['ab', 'c'], length: 50 },
  'of a beam search that finds fewer': { count: 5, beam: 3, length: 6 },
  'of no symbol': { count: 3, length: 0 },
  'with details': { count: 3, length: 20, alternatives: 1 },
})) {
  test(`pieces of samples ${name} join to the samples, in their order`, async () => {
    const samples = await whole({ ...input, seed: 6 });
    assert.ok(samples.length > 0);
    assert.deepEqual(await joined({ ...input, seed: 6 }), samples);
  });
}

test('the first piece comes long before the last sample is drawn', async () => {
  let progress: SampleProgress | undefined;
  const input = { count: 4, length: 1_000_000, onProgress: (now: SampleProgress) => (progress = now) };
  for await (const { bytes } of model.samplePieces(input)) if (bytes.length > 0) break;
  assert.ok(progress && progress.drawn < 400_000, JSON.stringify(progress));
});

test('a finished sample is yielded while others grow, also if some are left out', async () => {
  let drawn = 0;
  const onProgress = (now: SampleProgress) => {
    if (now.tried === 0) drawn = Math.max(drawn, now.drawn);
  };
  const input = { count: 40, lines: 1, length: 100_000, bias: '\n=-4', unique: true, onProgress };
  for await (const _ of model.samples(input)) break;
  const untilFirst = drawn;
  await whole(input);
  assert.ok(untilFirst > 0 && untilFirst < drawn, `${untilFirst} of ${drawn}`);
});
