/**
 * The cache folder for texts and tokens, with a sub-folder for each text.
 *
 * Sub-folders that were not used for a month are deleted, and then the least recently used ones until the total is below the limit. A file
 * can be deleted at any time, because its readers keep it open.
 */
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../util/cache-dir.node.ts';

/** Maximum total bytes. */
const MAX_BYTES = 16e9;
/** Milliseconds without use after which a folder is deleted. */
const MAX_UNUSED = 30 * 24 * 3600 * 1000;

/** The path of a sub-folder, which may not exist yet. */
export function cachedTextFolder(name: string): string {
  return join(cacheDir(), 'texts', name);
}

/** Marks a folder as used now. */
export async function markUsed(folder: string): Promise<void> {
  const now = new Date();
  // Only an optimisation, and the folder may not be writable.
  await utimes(folder, now, now).catch(() => {});
}

/**
 * Deletes old folders from the cache.
 *
 * @param keep A folder not to delete.
 */
export async function trimTextCache(keep: string, maxBytes = MAX_BYTES): Promise<void> {
  const root = join(cacheDir(), 'texts');
  const names = await readdir(root).catch(() => []);
  const folders = await Promise.all(names.map((name) => measure(join(root, name))));
  const known = folders.filter((folder) => folder !== undefined).sort((a, b) => b.used - a.used);
  let total = 0;
  for (const { path, bytes, used } of known) {
    total += bytes;
    const isOld = Date.now() - used > MAX_UNUSED;
    if (path === keep || (total <= maxBytes && !isOld)) continue;
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
    // Another process deleted it.
    return undefined;
  }
}
