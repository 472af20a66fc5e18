/** The files below a folder, those behind symbolic links included, each once. */
import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeSystemError } from '../../util/system-error.ts';

/** Folders of dependencies. */
const PASSED_OVER = new Set(['node_modules']);
/** File system calls under way at once. */
const MAX_AT_ONCE = 32;

export interface WalkedFile {
  readonly path: string;
  /** Bytes on disk. */
  readonly size: number;
  readonly dev: number;
  readonly ino: number;
}

/** A path that gives no file, and why: `link that leads nowhere`. */
export interface WalkedPast {
  readonly path: string;
  readonly reason: string;
  /** Whether what it leads to is read by another path. */
  readonly isReadElsewhere: boolean;
  /** For a link to a file that is listed under its own name: that name. */
  readonly target?: string | undefined;
}

export interface Walk {
  /** Sorted by path. */
  readonly files: readonly WalkedFile[];
  readonly past: readonly WalkedPast[];
}

interface Links {
  readonly files: WalkedFile[];
  readonly folders: string[];
}

/**
 * Lists a folder. Hidden files and `node_modules` are passed over. A link to a file that is listed already, or to a folder that was
 * walked already, is reported, so that no file is read twice and no loop is followed.
 *
 * @throws an error of the system where the folder itself can't be read
 */
export async function walkFolder(folder: string): Promise<Walk> {
  const walking = new Walking();
  await walking.folder(folder, await stat(folder));
  return await walking.finish();
}

class Walking {
  readonly #files: WalkedFile[] = [];
  readonly #past: WalkedPast[] = [];
  readonly #links: Links = { files: [], folders: [] };
  readonly #walked = new Set<string>();

  /** Lists what is really in a folder; links wait until `finish`, so that a file is listed under its own name rather than a link's. */
  async folder(folder: string, facts: Stats): Promise<void> {
    this.#walked.add(identityOf(facts));
    const entries = await readdir(folder, { withFileTypes: true });
    const wanted = entries.filter(({ name }) => !name.startsWith('.') && !PASSED_OVER.has(name));
    await inBatches(wanted, async (entry) => {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) await this.#entry(path, entry.isSymbolicLink());
    });
    for (const entry of wanted) if (entry.isDirectory()) await this.#below(join(folder, entry.name));
  }

  async finish(): Promise<Walk> {
    // A folder behind a link may hold further links.
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
        const reason = 'link to a file that is read';
        this.#past.push({ path: file.path, reason, isReadElsewhere: true, target });
      }
    }
    return { files: this.#files.sort(byPath), past: this.#past.sort(byPath) };
  }

  async #below(path: string): Promise<void> {
    try {
      const facts = await stat(path);
      if (this.#walked.has(identityOf(facts)))
        this.#past.push({ path, reason: 'link to a folder that is read', isReadElsewhere: true });
      else await this.folder(path, facts);
    } catch (error) {
      this.#past.push({ path, reason: describeSystemError(error), isReadElsewhere: false });
    }
  }

  async #entry(path: string, isLink: boolean): Promise<void> {
    let facts: Stats;
    try {
      facts = await stat(path);
    } catch (error) {
      const leadsNowhere = isLink && (error as NodeJS.ErrnoException).code === 'ENOENT';
      const reason = leadsNowhere ? 'link that leads nowhere' : describeSystemError(error);
      this.#past.push({ path, reason, isReadElsewhere: false });
      return;
    }
    if (facts.isDirectory()) {
      this.#links.folders.push(path);
    } else if (!facts.isFile()) {
      this.#past.push({ path, reason: 'not a regular file', isReadElsewhere: false });
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
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

/** Does something with every item, some at once; results in the order of the items. */
export async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += MAX_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(from, from + MAX_AT_ONCE).map(work))));
  }
  return results;
}
