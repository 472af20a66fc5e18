/** Names of runs that a caller gives. */
import { OptionError } from '../../errors.ts';

const MAX_LENGTH = 200;

/**
 * @param runId Absent where the run gets a random name.
 * @throws {OptionError} for a name that is empty, too long, or has control characters
 */
export function checkRunId(runId: unknown): void {
  if (runId === undefined) return;
  const isName = typeof runId === 'string' && runId.length <= MAX_LENGTH && /^\P{C}+$/u.test(runId);
  if (isName) return;
  const got = typeof runId === 'string' ? JSON.stringify(runId.slice(0, MAX_LENGTH + 1)) : String(runId);
  throw new OptionError('runId', `got ${got}, expected a name of 1 to ${MAX_LENGTH} characters`);
}

/** @throws {OptionError} where the run that goes on is another than the one that was named */
export function checkSameRun(runId: string | undefined, resumed: string, checkpoint: string): void {
  if (runId === undefined || runId === resumed) return;
  throw new OptionError('runId', `got ${JSON.stringify(runId)}, but ${checkpoint} is of the run ${resumed}`);
}
