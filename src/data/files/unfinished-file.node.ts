/** Files that are being written, and shall not outlive the process without a name of their own. */
import { rmSync } from 'node:fs';

/**
 * Removes a file should the process exit before the result is called; a process that is killed leaves it.
 *
 * @returns ends that
 */
export function removeOnExit(path: string): () => void {
  const remove = () => rmSync(path, { force: true });
  process.once('exit', remove);
  return () => process.off('exit', remove);
}
