/** The loss over a whole split, and how far it can be trusted. */
import type { BatchSource } from '../data/batches.ts';
import type { Engine, FloatArray } from '../engine/engine.ts';
import type { Network } from '../model/network.ts';
import { nextTurn } from '../util/event-loop.ts';
import { standardError } from '../util/standard-error.ts';

/** Rows from which on their means alone are samples. */
const ENOUGH_ROWS = 8;

export interface SplitLoss {
  /** Nats a token. */
  readonly loss: number;
  /**
   * Standard error of the loss as an estimate of that on all text of the kind, in nats a token; undefined where there is one
   * sample only.
   */
  readonly standardError: number | undefined;
}

/**
 * The loss over all batches, the state zero at the start and carried from batch to batch.
 *
 * The state is its own: unlike in the original, training goes on from where it was. Yields the number of batches done;
 * returns undefined when the signal is aborted before the end, or for an empty split.
 *
 * The standard error is that of the rows' mean losses: rows stand far apart in the text, while neighbouring characters, and batches,
 * are alike. With fewer than eight rows each row of each batch is a sample.
 */
export async function* evaluateSplit(
  engine: Engine,
  network: Network,
  source: BatchSource,
  signal?: AbortSignal,
): AsyncGenerator<number, SplitLoss | undefined, void> {
  const { batchSize: B, sequenceLength: T, count } = source;
  if (count === 0) return undefined;
  const state = network.makeState();
  const losses = engine.tensor('float', [T, B]);
  try {
    let sum = 0;
    const pieces: Float64Array[] = [];
    for (let index = 0; index < count; index++) {
      if (signal?.aborted) return undefined;
      network.evaluate(await source.batch(index), state, losses);
      const [total] = await engine.read(network.totalLoss);
      sum += total as number;
      pieces.push(rowMeans((await engine.read(losses)) as FloatArray, T, B));
      yield index + 1;
      await nextTurn();
    }
    return { loss: sum / (count * network.positions), standardError: standardError(samples(pieces, B)) };
  } finally {
    for (const tensor of [...state, losses]) engine.release(tensor);
  }
}

/** The mean of each row of [T, B]. */
function rowMeans(losses: FloatArray, T: number, B: number): Float64Array {
  const means = new Float64Array(B);
  for (let position = 0; position < losses.length; position++) {
    means[position % B] = (means[position % B] as number) + (losses[position] as number) / T;
  }
  return means;
}

/** What may count as independent: the means of rows, or of rows in each batch where there are few rows. */
function samples(pieces: readonly Float64Array[], B: number): number[] {
  if (B < ENOUGH_ROWS) return pieces.flatMap((means) => [...means]);
  return Array.from(
    { length: B },
    (_, row) => pieces.reduce((sum, means) => sum + (means[row] as number), 0) / pieces.length,
  );
}
