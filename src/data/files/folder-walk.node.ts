/** Lists the files below a folder, following symbolic links, each file once. */
import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compare } from '../../util/compare.ts';
import { describeSystemError } from '../../util/system-error.ts';

/** Folders of dependencies, which are not searched. */
const IGNORED_FOLDERS = new Set(['node_modules']);
/** Maximum number of concurrent file system calls. */
const MAX_CONCURRENT = 32;

export interface WalkedFile {
  readonly path: string;
  /** Bytes on disk. */
  readonly size: number;
  readonly dev: number;
  readonly ino: number;
}

/** A path that was skipped, with the reason, such as `broken link`. */
export interface SkippedPath {
  readonly path: string;
  readonly reason: string;
  /** Whether its target is read under another path. */
  readonly isReadElsewhere: boolean;
  /** For a link to a listed file: the path of that file. */
  readonly target?: string | undefined;
}

export interface Walk {
  /** Sorted by path. */
  readonly files: readonly WalkedFile[];
  readonly skipped: readonly SkippedPath[];
}

interface Links {
  readonly files: WalkedFile[];
  readonly folders: string[];
}

/**
 * Lists a folder, except hidden files and `node_modules`. Skips links to files and folders that are already listed, so that no file is read
 * twice and loops end.
 *
 * @throws a system error if the folder itself can't be read
 */
export async function walkFolder(folder: string): Promise<Walk> {
  const walking = new FolderWalker();
  await walking.folder(folder, await stat(folder));
  return await walking.finish();
}

class FolderWalker {
  readonly #files: WalkedFile[] = [];
  readonly #skipped: SkippedPath[] = [];
  readonly #links: Links = { files: [], folders: [] };
  readonly #walked = new Set<string>();

  /** Lists the real files of a folder. `finish` follows the links, so that a file is listed under its own name rather than a link's. */
  async folder(folder: string, facts: Stats): Promise<void> {
    this.#walked.add(identityOf(facts));
    const entries = await readdir(folder, { withFileTypes: true });
    const wanted = entries.filter(({ name }) => !name.startsWith('.') && !IGNORED_FOLDERS.has(name));
    await inBatches(wanted, async (entry) => {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) await this.#entry(path, entry.isSymbolicLink());
    });
    for (const entry of wanted) if (entry.isDirectory()) await this.#below(join(folder, entry.name));
  }

  async finish(): Promise<Walk> {
    // A linked folder may contain further links.
    while (this.#links.folders.length > 0) {
      for (const path of this.#links.folders.splice(0).sort()) await this.#below(path);
    }
    const seen = new Map(this.#files.map((file) => [identityOf(file), file.path]));
    for (const file of this.#links.files.sort(byPath)) {
      const target = seen.get(identityOf(file));
      if (target === undefined) {
        this.#files.push(file);
        seen.set(identityOf(file), file.path);
      } else {
        const reason = 'link to a file that is already read';
        this.#skipped.push({ path: file.path, reason, isReadElsewhere: true, target });
      }
    }
    return { files: this.#files.sort(byPath), skipped: this.#skipped.sort(byPath) };
  }

  async #below(path: string): Promise<void> {
    try {
      const facts = await stat(path);
      if (this.#walked.has(identityOf(facts)))
        this.#skipped.push({ path, reason: 'link to a folder that is already read', isReadElsewhere: true });
      else await this.folder(path, facts);
    } catch (error) {
      this.#skipped.push({ path, reason: describeSystemError(error), isReadElsewhere: false });
    }
  }

  async #entry(path: string, isLink: boolean): Promise<void> {
    let facts: Stats;
    try {
      facts = await stat(path);
    } catch (error) {
      const isBroken = isLink && (error as NodeJS.ErrnoException).code === 'ENOENT';
      const reason = isBroken ? 'broken link' : describeSystemError(error);
      this.#skipped.push({ path, reason, isReadElsewhere: false });
      return;
    }
    if (facts.isDirectory()) {
      this.#links.folders.push(path);
    } else if (!facts.isFile()) {
      this.#skipped.push({ path, reason: 'not a regular file', isReadElsewhere: false });
    } else {
      const { size, dev, ino } = facts;
      (isLink ? this.#links.files : this.#files).push({ path, size, dev, ino });
    }
  }
}

function identityOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev} ${ino}`;
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return compare(a.path, b.path);
}

/** Calls `work` for every item, several at a time. The results are in the order of the items. */
export async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += MAX_CONCURRENT) {
    results.push(...(await Promise.all(items.slice(from, from + MAX_CONCURRENT).map(work))));
  }
  return results;
}
