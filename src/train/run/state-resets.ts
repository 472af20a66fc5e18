/**
 * Occasional resets of carried states in training, so that a model also learns to start from a zero state: `drop_state_probability` in the
 * code of Melis et al. (2020), github.com/deepmind/lamb.
 */
import type { Batch } from '../../data/batches/batches.ts';
import { dropoutKey, dropThreshold, keeps, positionKey } from '../../engine/dropout-mask.ts';

/** The number that makes these hashes differ from those of dropout. */
const SITE = 3000;

/**
 * A batch that also resets the state of some rows before its first step.
 *
 * @param probability Of each row. The rows follow from the seed and the number of the batch.
 */
export function withStateResets(
  batch: Batch,
  batchSize: number,
  { probability, seed, batch: number }: { probability: number; seed: number; batch: number },
): Batch {
  if (probability === 0) return batch;
  const key = dropoutKey({ probability, seed, batch: number, site: SITE });
  const threshold = dropThreshold(probability);
  const rows = Array.from({ length: batchSize }, (_, row) => row).filter(
    (row) => !keeps(positionKey(key, row, 0), 0, threshold),
  );
  if (rows.length === 0) return batch;
  const resets = batch.resets?.slice() ?? new Uint8Array(batch.inputs.length);
  for (const row of rows) resets[row] = 1;
  return { ...batch, resets };
}
