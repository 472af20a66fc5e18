/**
 * The part of the cache folder that holds texts and tokens: a folder each, named by what it is kept for.
 *
 * It is bounded: what was not used for a month goes, and of the rest what was used least recently, while all together are larger
 * than the limit. Whoever reads such a file has it open, so that it may go at any time.
 */
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../util/cache-dir.node.ts';

/** Bytes that all of it may take. */
const MOST_BYTES = 16e9;
/** Milliseconds without use after which a folder goes. */
const LONGEST_UNUSED = 30 * 24 * 3600 * 1000;

/** The folder of a name; it may not exist yet. */
export function cachedTextFolder(name: string): string {
  return join(cacheDir(), 'texts', name);
}

/** Marks a folder as used now. */
export async function markUsed(folder: string): Promise<void> {
  const now = new Date();
  // Only a convenience: the folder may be one that can't be written.
  await utimes(folder, now, now).catch(() => {});
}

/**
 * Removes what the cache need not hold any longer.
 *
 * @param keep A folder that stays.
 */
export async function trimTextCache(keep: string, mostBytes = MOST_BYTES): Promise<void> {
  const root = join(cacheDir(), 'texts');
  const names = await readdir(root).catch(() => []);
  const folders = await Promise.all(names.map((name) => measure(join(root, name))));
  const known = folders.filter((folder) => folder !== undefined).sort((a, b) => b.used - a.used);
  let total = 0;
  for (const { path, bytes, used } of known) {
    total += bytes;
    const isOld = Date.now() - used > LONGEST_UNUSED;
    if (path === keep || (total <= mostBytes && !isOld)) continue;
    total -= bytes;
    await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

async function measure(path: string): Promise<{ path: string; bytes: number; used: number } | undefined> {
  try {
    const { mtimeMs, size } = await stat(path);
    const names = await readdir(path).catch(() => undefined);
    if (!names) return { path, bytes: size, used: mtimeMs };
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(path, name))).size));
    return { path, bytes: sizes.reduce((sum, bytes) => sum + bytes, 0), used: mtimeMs };
  } catch {
    // Another process took it away.
    return undefined;
  }
}
