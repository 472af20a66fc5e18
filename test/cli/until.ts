/** Waits for events that only their traces show. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Looks again and again until something is found. @throws {Error} after a minute, so that a test fails instead of hanging */
export async function until<T>(what: string, find: () => T | undefined): Promise<T> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(10)) {
    const found = find();
    if (found !== undefined) return found;
  }
  throw new Error(`no ${what} within a minute`);
}
