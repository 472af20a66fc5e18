/** Watches a file for replacement. */
import { type StatsListener, unwatchFile, watchFile } from 'node:fs';

/** Milliseconds between two checks. The file is polled, because watching its folder misses some ways of replacing a file. */
const INTERVAL = 500;

/**
 * Calls `onReplaced` whenever the file was written or replaced, and exists.
 *
 * @returns A function that stops watching.
 */
export function watchForReplacement(path: string, onReplaced: () => void): () => void {
  const listener: StatsListener = (now, before) => {
    const isSame = now.mtimeMs === before.mtimeMs && now.ino === before.ino && now.size === before.size;
    if (now.nlink > 0 && !isSame) onReplaced();
  };
  watchFile(path, { interval: INTERVAL, persistent: false }, listener);
  return () => unwatchFile(path, listener);
}
