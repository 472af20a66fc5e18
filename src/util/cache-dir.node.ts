/** The folder for files that this program can recreate. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The user's cache folder for this program, where the operating system expects it. It may not exist yet. */
export function cacheDir(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'char-rnn');
  if (process.platform === 'win32' && LOCALAPPDATA) return join(LOCALAPPDATA, 'char-rnn', 'cache');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'char-rnn');
  return join(homedir(), '.cache', 'char-rnn');
}
