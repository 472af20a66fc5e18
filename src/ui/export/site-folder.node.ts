/** The folder of an export: an export replaces the files of an earlier one, and leaves all other files alone. */
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { CharRnnError, CheckpointError } from '../../errors.ts';
import { describeSystemError } from '../../util/system-error.ts';
import { VERSION } from '../../util/version.ts';

/** Marks the folder of an export: the program's version, then the paths of its files, one per line. */
const MARK = '.char-rnn-export';
/** Longest mark that is read, in bytes: about 100,000 files. */
const MAX_MARK = 10_000_000;

export class SiteFolder {
  /** Where the folder is, without symbolic links. */
  readonly #place: string;
  /** A folder in it, to which the files are written first. */
  readonly #draft: string;
  readonly #earlier: ReadonlySet<string>;
  readonly #written: string[] = [];
  #bytes = 0;

  private constructor(place: string, draft: string, earlier: ReadonlySet<string>) {
    this.#place = place;
    this.#draft = draft;
    this.#earlier = earlier;
  }

  /**
   * Begins an export: nothing changes before `publish`.
   *
   * @throws {CheckpointError} `checkpoint-unwritable` if the folder can't be written, or has other files and no earlier export
   */
  static async open(target: string): Promise<SiteFolder> {
    return whileWriting(target, async () => {
      const earlier = await earlierFiles(target);
      await mkdir(target, { recursive: true });
      const place = await realpath(target);
      return new SiteFolder(place, await mkdtemp(join(place, `${MARK}-`)), earlier);
    });
  }

  get files(): number {
    return this.#written.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param path Relative, with slashes.
   * @throws {CheckpointError} `checkpoint-unwritable`
   */
  async write(path: string, content: string | Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    const place = join(this.#draft, path);
    await whileWriting(this.#place, async () => {
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, content);
      this.#bytes += (await stat(place)).size;
    });
    this.#written.push(path);
  }

  writeJson(path: string, value: unknown): Promise<void> {
    return this.write(path, JSON.stringify(value));
  }

  /**
   * Moves the files to their places and deletes those of the earlier export that are not among them. The files that name others should be
   * written last: they are moved last.
   *
   * @throws {CheckpointError} `checkpoint-unwritable` before anything changes, if another file is in the place of one
   */
  async publish(): Promise<void> {
    await whileWriting(this.#place, () => this.#publish());
  }

  async #publish(): Promise<void> {
    for (const path of this.#written) {
      if (this.#earlier.has(path) || !(await exists(join(this.#place, path)))) continue;
      throw new CheckpointError(
        'checkpoint-unwritable',
        `${join(this.#place, path)} is not from an export of this program, so it is not replaced. Move it away, or name another folder.`,
      );
    }
    // Both, so that an export after an interrupted one knows the files of either.
    await this.#mark(new Set([...this.#earlier, ...this.#written]));
    for (const path of this.#written) {
      await mkdir(join(this.#place, dirname(path)), { recursive: true });
      await rename(join(this.#draft, path), join(this.#place, path));
    }
    const kept = new Set(this.#written);
    const surplus = [...this.#earlier].filter((path) => !kept.has(path));
    for (const path of surplus) await this.#remove(path);
    await this.#mark(kept);
    await this.discard();
  }

  /** Deletes what has not been published. */
  async discard(): Promise<void> {
    await rm(this.#draft, { recursive: true, force: true });
    // Succeeds only if it is empty: then this export has made it, or it was empty before.
    await rmdir(this.#place).catch(() => {});
  }

  async #mark(paths: ReadonlySet<string>): Promise<void> {
    const draft = join(this.#draft, MARK);
    await writeFile(draft, `${[`char-rnn ${VERSION}`, ...paths].join('\n')}\n`);
    await rename(draft, join(this.#place, MARK));
  }

  /** Deletes a file, and its folder if that is empty now. A file that a link leads out of the folder to is left alone. */
  async #remove(path: string): Promise<void> {
    const folder = join(this.#place, dirname(path));
    if ((await realpath(folder).catch(() => undefined)) !== folder) return;
    await rm(join(this.#place, path), { force: true });
    if (folder !== this.#place) await rmdir(folder).catch(() => {});
  }
}

/** Turns errors of the system into one that names the folder. */
async function whileWriting<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CharRnnError || typeof (error as NodeJS.ErrnoException).code !== 'string')
      throw error;
    throw new CheckpointError(
      'checkpoint-unwritable',
      `${folder} can't be written: ${describeSystemError(error)}.`,
      { cause: error },
    );
  }
}

/** The files of an earlier export. @throws {CheckpointError} if the folder has none, but other files */
async function earlierFiles(target: string): Promise<ReadonlySet<string>> {
  const facts = await stat(target).catch(() => undefined);
  if (!facts) return new Set();
  const isFolder = facts.isDirectory();
  const names = isFolder ? await readdir(target) : [target];
  if (names.length === 0) return new Set();
  const mark = isFolder ? await lstat(join(target, MARK)).catch(() => undefined) : undefined;
  if (!mark?.isFile() || mark.size > MAX_MARK) {
    throw new CheckpointError(
      'checkpoint-unwritable',
      `${target} is ${isFolder ? 'a folder that' : 'a file, and'} is not an export of this program, so it is not replaced. Name another folder.`,
    );
  }
  const [, ...paths] = (await readFile(join(target, MARK), 'utf8')).split('\n');
  return new Set(paths.filter(isWithin));
}

/** Whether a path from a mark, which somebody may have edited, leads to a place within the folder. */
function isWithin(path: string): boolean {
  return path !== '' && path === posix.normalize(path) && !/^(?:\/|\.\.?(?:\/|$)|[a-z]:)|\\/i.test(path);
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
