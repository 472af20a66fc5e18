/** Waits for a database that can't be used at the moment, because its disk is full or the server can't be reached. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SweepError } from '../errors.ts';
import { describeSystemError } from '../util/system-error.ts';
import type { SweepStore } from './store.ts';

/** Time between two attempts, in milliseconds. */
const PAUSE = 2000;
/** How long to keep trying to use a database, in milliseconds. */
const MAX_OUTAGE = 600_000;

/**
 * Uses a store. If it can't be used, tries again for ten minutes.
 *
 * @param signal When it is aborted, no further attempt is made.
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
