/** Walks through a folder and those inside it. Links to folders are not followed, so that nothing outside is read. */
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeSystemError } from './system-error.ts';

/** Folders that hold the files of programs. */
const PASSED_OVER = new Set(['node_modules', '__pycache__']);

/** Limits, so that even a walk through a whole disk ends. */
const MAX_DEPTH = 12;
const MAX_FOLDERS = 20_000;

const order = new Intl.Collator('en', { numeric: true });

export interface WalkedFolder {
  readonly path: string;
  /** In the order of their names. */
  readonly entries: readonly Dirent[];
}

/**
 * The folder and those inside it, one at a time, in the order of their names. Hidden folders are passed over. A missing folder counts as
 * empty. A notice says which folder can't be read, or that there are too many.
 *
 * @param enters Whether to go on into the folders of this one. Default: always.
 */
export function* walkFolders(
  root: string,
  enters: (folder: WalkedFolder) => boolean = () => true,
): Generator<WalkedFolder | { readonly notice: string }, void, void> {
  let folders = 0;
  const waiting = [{ path: root, depth: 0 }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { path, depth } = next;
    if (++folders > MAX_FOLDERS) {
      yield { notice: tooMany(root, `${MAX_FOLDERS} folders`) };
      return;
    }
    const entries = entriesOf(path);
    if (typeof entries === 'string') {
      yield { notice: `${path} can't be read: ${entries}.` };
      continue;
    }
    const folder = { path, entries };
    yield folder;
    if (depth < MAX_DEPTH && enters(folder)) waiting.push(...subfolders(folder, depth + 1));
  }
}

/** That a search has ended before it was complete. */
export function tooMany(root: string, limit: string): string {
  return `${root} has more than ${limit}; the others are not shown. Name a folder in it instead.`;
}

/** The entries of a folder by name, or why it can't be read. */
function entriesOf(path: string): Dirent[] | string {
  try {
    return readdirSync(path, { withFileTypes: true }).sort((a, b) => order.compare(a.name, b.name));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? [] : describeSystemError(error);
  }
}

/** The last one first, because the walk takes folders from the end. */
function subfolders({ path, entries }: WalkedFolder, depth: number) {
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !PASSED_OVER.has(entry.name))
    .map(({ name }) => ({ path: join(path, name), depth }))
    .reverse();
}
