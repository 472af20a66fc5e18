/** The loss over a whole split. */
import type { BatchSource } from '../data/batches.ts';
import type { Engine } from '../engine/engine.ts';
import type { Network } from '../model/network.ts';
import { nextTurn } from '../util/event-loop.ts';

/**
 * Nats a token over all batches, the state zero at the start and carried from batch to batch.
 *
 * The state is its own: unlike in the original, training goes on from where it was. Yields the number of batches done;
 * returns undefined when the signal is aborted before the end, or for an empty split.
 */
export async function* evaluateSplit(
  engine: Engine,
  network: Network,
  source: BatchSource,
  signal?: AbortSignal,
): AsyncGenerator<number, number | undefined, void> {
  const state = network.makeState();
  try {
    let sum = 0;
    for (let index = 0; index < source.count; index++) {
      if (signal?.aborted) return undefined;
      network.evaluate(await source.batch(index), state);
      const [total] = await engine.read(network.totalLoss);
      sum += total as number;
      yield index + 1;
      await nextTurn();
    }
    return source.count === 0 ? undefined : sum / (source.count * network.positions);
  } finally {
    for (const layer of state) engine.release(layer);
  }
}
