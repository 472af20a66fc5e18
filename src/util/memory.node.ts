/** How much memory this process may use. */
import { totalmem } from 'node:os';

/** Bytes that the machine, or the container, has in all. */
export function availableMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
