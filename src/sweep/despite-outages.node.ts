/** Waits for a database that can't be used just now: its disk is full, or the server is away. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SweepError } from '../errors.ts';
import { describeSystemError } from '../util/system-error.ts';
import type { SweepStore } from './store.ts';

/** Time between two attempts, in milliseconds. */
const PAUSE = 2000;
/** Time for which a database that can't be used is tried again, in milliseconds. */
const MAX_OUTAGE = 600_000;

/**
 * Uses a store, and tries again for ten minutes if it can't be used.
 *
 * @param signal When it is aborted, there is no other attempt.
 * @throws {SweepError} `sweep-database`
 */
export async function despiteOutages<T>(
  store: SweepStore,
  signal: AbortSignal | undefined,
  use: () => Promise<T>,
): Promise<T> {
  const begun = performance.now();
  for (;;) {
    try {
      return await use();
    } catch (error) {
      if (!store.isOutage(error)) throw error;
      if (!signal?.aborted && performance.now() - begun < MAX_OUTAGE) {
        await sleep(PAUSE, undefined, signal && { signal }).catch(() => {});
        continue;
      }
      if (error instanceof SweepError) throw error;
      const reason = describeSystemError(error);
      throw new SweepError('sweep-database', `the state of the sweep can't be stored: ${reason}.`, {
        cause: error,
      });
    }
  }
}
