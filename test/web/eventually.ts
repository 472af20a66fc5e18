/** Waits for what a page shows later than the event that a test has waited for. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds that a test waits for what a page computes or draws, on a machine that does other work too. */
export const PATIENCE = 90_000;

/** Makes assertions about a page again and again until they hold. @throws {AssertionError} that of the last attempt, after `PATIENCE` */
export async function eventually(check: () => Promise<void>): Promise<void> {
  for (const end = performance.now() + PATIENCE; ; await sleep(20))
    try {
      return await check();
    } catch (error) {
      if (!(error instanceof assert.AssertionError) || performance.now() > end) throw error;
    }
}
