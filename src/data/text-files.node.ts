/** Finds the files that a text is made of: named ones, and those of folders. */
import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import picomatch from 'picomatch';
import { TextError } from '../errors.ts';
import { formatCount } from '../util/format-number.ts';
import { describeSystemError } from '../util/system-error.ts';

/** The name of a text within a folder, as in the original. */
export const FOLDER_TEXT = 'input.txt';
/** Folders of other people's files. */
const PASSED_OVER = new Set(['node_modules']);
/** Files of our own beside a text. */
const OWN_FILE = /\.(?:vocab\.json|tokens)$/;
/** Bytes at the start of a file in which a NUL tells that it is no text. */
const SNIFFED = 8192;
/** Files that are told by name. */
const SHOWN = 3;

export interface TextFile {
  readonly path: string;
  /** What to call it in messages. */
  readonly name: string;
  /** Bytes on disk. */
  readonly size: number;
}

export interface TextFiles {
  /** What to call the text in messages. */
  readonly name: string;
  readonly files: readonly TextFile[];
  /** What was named, as absolute paths: by these the text is found again. */
  readonly paths: readonly string[];
  readonly include: string | undefined;
  readonly notices: readonly string[];
}

export interface FindOptions {
  /** A pattern that files of a folder must match. */
  readonly include?: string | undefined;
  /** Whether any bytes will do, so that nothing is left out as no text. */
  readonly anyBytes: boolean;
}

/**
 * The files of a text, in order: files as they are named, those of a folder by name. A folder with `input.txt` is that file.
 *
 * @throws {TextError} `text-missing`, `text-unreadable`
 */
export async function findTextFiles(named: readonly string[], options: FindOptions): Promise<TextFiles> {
  const files: TextFile[] = [];
  const leftOut: string[] = [];
  for (const path of named) {
    const facts = await statOf(path);
    if (facts.isDirectory()) for (const file of await filesOfFolder(path, options, leftOut)) files.push(file);
    else if (facts.isFile()) files.push({ path, name: path, size: facts.size });
    else throw noFile(path);
  }
  return {
    name: nameOf(named, files),
    files,
    paths: named.map((path) => resolve(path)),
    include: options.include,
    notices: leftOut.length === 0 ? [] : [`left out ${listed(leftOut)}: no text`],
  };
}

/** What tells that no file was changed: their paths, sizes, times and inodes. */
export async function stampOf(files: readonly TextFile[]): Promise<{ stamp: string; newest: number }> {
  const hash = createHash('sha256');
  let newest = 0;
  for (const { path } of files) {
    const { size, mtimeNs, ctimeNs, ino, dev, ctimeMs } = await statBig(path);
    hash.update(JSON.stringify([resolve(path), ...[size, mtimeNs, ctimeNs, ino, dev].map(String)]));
    newest = Math.max(newest, Number(ctimeMs));
  }
  return { stamp: hash.digest('hex'), newest };
}

async function filesOfFolder(folder: string, options: FindOptions, leftOut: string[]): Promise<TextFile[]> {
  const inside = join(folder, FOLDER_TEXT);
  if (options.include === undefined) {
    const facts = await stat(inside).catch(() => undefined);
    if (facts?.isFile()) return [{ path: inside, name: inside, size: facts.size }];
  }
  const matches = matcherOf(options.include);
  const files: TextFile[] = [];
  for (const path of (await walk(folder)).sort()) {
    if (!matches(relative(folder, path).split(sep).join('/'))) continue;
    const { size } = await statOf(path);
    if (options.anyBytes || (await looksLikeText(path))) files.push({ path, name: path, size });
    else leftOut.push(path);
  }
  if (files.length > 0) return files;
  throw new TextError(
    'text-missing',
    options.include === undefined
      ? `${folder} is a folder without ${FOLDER_TEXT} or any other text. Name a text file, or a folder with texts in it.`
      : `no text in ${folder} matches --include ${options.include}. A pattern is such as '*.txt' or 'src/**/*.{ts,js}'.`,
  );
}

/** Whether a path within a folder matches a pattern; one without a slash is of the file's name alone. */
function matcherOf(pattern: string | undefined): (path: string) => boolean {
  return pattern === undefined ? () => true : picomatch(pattern, { basename: !pattern.includes('/') });
}

/** The files below a folder; hidden ones, links, and what this program writes are passed over. */
async function walk(folder: string, found: string[] = []): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  for (const entry of entries) {
    if (entry.name.startsWith('.') || PASSED_OVER.has(entry.name) || OWN_FILE.test(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await walk(path, found);
    else if (entry.isFile()) found.push(path);
  }
  return found;
}

/** Whether a file starts without a NUL, or is compressed. */
async function looksLikeText(path: string): Promise<boolean> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(new Uint8Array(SNIFFED), 0, SNIFFED, 0);
    return isGzip(buffer) || buffer.subarray(0, bytesRead).indexOf(0) < 0;
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    await file?.close();
  }
}

/** Whether a file begins as a gzip member does (RFC 1952). */
export function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b && start[2] === 8;
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    throw missing(path, error);
  }
}

async function statBig(path: string) {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    throw missing(path, error);
  }
}

function missing(path: string, error: unknown): TextError {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return unreadable(path, error);
  return new TextError(
    'text-missing',
    `there is no text at ${path}. Name a text file, or a folder with texts in it.`,
    {
      cause: error,
    },
  );
}

function noFile(path: string): TextError {
  return new TextError(
    'text-unreadable',
    `${path} is no file, and a text is read more than once. From a pipe it comes by standard input: … | char-rnn train -`,
  );
}

export function unreadable(path: string, error: unknown): TextError {
  return new TextError('text-unreadable', `${path} can't be read: ${describeSystemError(error)}.`, {
    cause: error,
  });
}

function nameOf(named: readonly string[], files: readonly TextFile[]): string {
  const [only] = files;
  if (only && files.length === 1) return only.name;
  return `${named.slice(0, SHOWN).join(', ')}${named.length > SHOWN ? ', …' : ''} (${formatCount(files.length)} files)`;
}

function listed(paths: readonly string[]): string {
  const shown = paths.slice(0, SHOWN).join(', ');
  return paths.length > SHOWN ? `${shown} and ${formatCount(paths.length - SHOWN)} more files` : shown;
}
