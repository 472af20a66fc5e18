/** A folder for a test, with a separate cache folder in it. */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from '../temporary-folder.ts';

export function temporaryCache(context: TestContext): { folder: string; cache: string } {
  const folder = temporaryFolder(context);
  const before = process.env.XDG_CACHE_HOME;
  const cache = join(folder, 'cache');
  process.env.XDG_CACHE_HOME = cache;
  context.after(() => {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
  });
  return { folder, cache };
}
