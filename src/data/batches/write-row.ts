/** Puts a row of text into a batch. */
import type { Batch } from './batches.ts';

/**
 * Writes row r of a batch of B rows and T steps.
 *
 * @param row T + 1 tokens: the inputs, and the target of the last one.
 * @param starts As long as the row: 1 where the state is reset. Absent in a batch without resets.
 */
export function writeRow(batch: Batch, r: number, B: number, row: Int32Array, starts?: Uint8Array): void {
  const { inputs, targets, resets } = batch;
  const T = row.length - 1;
  for (let t = 0; t < T; t++) {
    inputs[t * B + r] = row[t] as number;
    targets[t * B + r] = row[t + 1] as number;
  }
  if (!resets || !starts) return;
  for (let t = 0; t < T; t++) resets[t * B + r] = starts[t] as number;
}
