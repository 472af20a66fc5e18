/** Reads the id of a run from its log. A run that was killed before its first checkpoint has left no other file. */
import { open } from 'node:fs/promises';

/** Bytes at the start of a log that are searched for the event `started`. Few events come before it. */
const HEAD_BYTES = 1_000_000;

/** The id of the run that began a log; undefined if the log does not have it. */
export async function loggedRunId(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    for (const line of buffer.toString('utf8', 0, bytesRead).split('\n')) {
      const { type, runId } = parsed(line);
      if (type === 'started') return typeof runId === 'string' ? runId : undefined;
    }
  } catch {
    // A log that can't be read belongs to another run.
  } finally {
    await file.close();
  }
  return undefined;
}

/** The fields of a line; none if the line is not an event. */
function parsed(line: string): { readonly type?: unknown; readonly runId?: unknown } {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
