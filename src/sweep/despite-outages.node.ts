/** Waits for a database that can't be used at the moment, because its disk is full or the server can't be reached. */
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SweepError } from '../errors.ts';
import { describeSystemError } from '../util/system-error.ts';
import { sqliteOutage } from './sqlite.node.ts';
import type { SweepStore } from './store.ts';
import { STATE } from './sweep-folder.node.ts';

/** Time between two attempts, in milliseconds. */
const PAUSE = 2000;
/** How long to keep trying to use a database, in milliseconds. */
const MAX_OUTAGE = 600_000;

export interface PatientUse {
  readonly store: SweepStore;
  /** The folder of the sweep. */
  readonly folder: string;
  /** When it is aborted, no further attempt is made. */
  readonly signal: AbortSignal | undefined;
  /** Called at the first failed attempt. @param problem Two sentences: what can't be used and why, and what happens next. */
  readonly onWait?: ((problem: string) => void) | undefined;
}

/**
 * Uses a store. If it can't be used, tries again for ten minutes.
 *
 * @throws {SweepError} `sweep-database`
 */
export async function despiteOutages<T>(
  { store, folder, signal, onWait }: PatientUse,
  use: () => Promise<T>,
): Promise<T> {
  const begun = performance.now();
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await use();
    } catch (error) {
      if (!store.isOutage(error)) throw error;
      const problem = outageText(error, folder);
      if (!signal?.aborted && performance.now() - begun < MAX_OUTAGE) {
        if (isFirst)
          onWait?.(
            `${problem} All results so far are kept; the sweep waits up to ten minutes, then it ends.`,
          );
        await sleep(PAUSE, undefined, signal && { signal }).catch(() => {});
        continue;
      }
      throw new SweepError('sweep-database', `${problem} All results that were stored before are kept.`, {
        cause: error,
        remedies: [
          { text: 'Once that is solved, continue the sweep', command: ['sweep', 'resume', basename(folder)] },
        ],
      });
    }
  }
}

/** What can't be used, and why, in a sentence. */
function outageText(error: unknown, folder: string): string {
  const outage = sqliteOutage(error);
  if (outage !== undefined) return `${join(folder, STATE)} can't be written: ${outage}.`;
  if (error instanceof SweepError) return error.problem;
  return `the state of the sweep can't be stored: ${describeSystemError(error)}.`;
}
