/** Tells when a file was replaced. */
import { type StatsListener, unwatchFile, watchFile } from 'node:fs';

/** Milliseconds between two looks: a file is looked at, since what watches folders misses some of the ways of replacing one. */
const INTERVAL = 500;

/**
 * Calls back whenever the file was written or replaced, and is there.
 *
 * @returns Ends it.
 */
export function watchForReplacement(path: string, onReplaced: () => void): () => void {
  const listener: StatsListener = (now, before) => {
    const isSame = now.mtimeMs === before.mtimeMs && now.ino === before.ino && now.size === before.size;
    if (now.nlink > 0 && !isSame) onReplaced();
  };
  watchFile(path, { interval: INTERVAL, persistent: false }, listener);
  return () => unwatchFile(path, listener);
}
