/** Frames survive the way from the server to the page, however the answer is cut. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeFrames, encodeFrame } from '../../src/ui/curve-frames.ts';
import type { CurveFrame } from '../../src/ui/protocol.ts';

const column = (...values: number[]) => Float32Array.from(values);
const FRAMES: readonly CurveFrame[] = [
  { type: 'progress', read: 1, total: 2 },
  {
    ...({ type: 'curve', id: 'a1', metric: 'trainLoss', version: 'ü-1', width: 4 } as const),
    ...{ x: column(3, 7), min: column(1, 2), max: column(3, 4) },
    ...{ mean: column(2, 3), last: column(1.5, Number.NaN), smooth: column(1, 1) },
  },
  { type: 'missing', id: 'b2', reason: 'its log was deleted' },
  {
    ...({ type: 'curve', id: 'c3', metric: 'speed', version: '', width: 1 } as const),
    ...{ x: column(), min: column(), max: column(), mean: column(), last: column(), smooth: column() },
  },
];

async function decoded(pieces: readonly Uint8Array[]): Promise<CurveFrame[]> {
  const frames: CurveFrame[] = [];
  for await (const frame of decodeFrames(pieces)) frames.push(frame);
  return frames;
}

test('frames are the same after encoding and decoding, wherever the bytes are cut', async () => {
  const bytes = Buffer.concat(FRAMES.map(encodeFrame));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 30 }), async (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const pieces = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      assert.deepEqual(await decoded(pieces), FRAMES);
    }),
    { numRuns: 50 },
  );
});

test('an answer that ends early or is something else is an error', async () => {
  const bytes = Buffer.concat(FRAMES.map(encodeFrame));
  await assert.rejects(decoded([bytes.subarray(0, -1)]), /ended within a curve/);
  await assert.rejects(decoded([Buffer.from('<!doctype html><html>')]), /not an answer with curves/);
  await assert.rejects(decoded([Buffer.alloc(64, 0xff)]), RangeError);
});
