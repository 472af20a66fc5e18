/** Finds the files of a text, which are named or in named folders. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import picomatch from 'picomatch';
import { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import { describeSystemError } from '../../util/system-error.ts';
import type { FoundEncoding, Reading } from '../encoding/reading.ts';
import { classifyFile } from './classify-file.node.ts';
import { inBatches, walkFolder } from './folder-walk.node.ts';
import type { FileFacts } from './known-text.ts';
import { LeftOut, shortList } from './left-out.ts';
import { isSavedInput, STANDARD_INPUT } from './standard-input.node.ts';

/** If a folder has a file of this name, that is its text, as in the original. */
export const FOLDER_TEXT = 'input.txt';
/** Caches that are written next to a text. */
const CACHE_FILES = /\.(?:vocab\.json|tokens)$/;
/** Maximum number of files named in a text's name. */
const MAX_NAMED = 3;

export interface TextFile {
  readonly path: string;
  /** What to call it in messages. */
  readonly name: string;
  /** Bytes on disk. */
  readonly size: number;
  /** Whether it was found in a folder rather than named. */
  readonly isFound?: boolean;
  /** How to decode it; absent: its bytes are kept unchanged. */
  readonly reading?: Reading;
  /** An encoding that was detected earlier. */
  readonly found?: FoundEncoding;
}

export interface TextFiles {
  /** What to call the text in messages. */
  readonly name: string;
  readonly files: readonly TextFile[];
  /** The paths as named by the user. */
  readonly named: readonly string[];
  /** The same as absolute paths, to find the text again. */
  readonly paths: readonly string[];
  readonly include: string | undefined;
  /** Files that were named or found but are not read. */
  readonly leftOut: LeftOut;
  readonly notices: readonly string[];
}

export interface FindOptions {
  /** A pattern that files of a folder must match. */
  readonly include?: string | undefined;
  /** Whether any bytes can be read as text, so that no file is left out for not being text. */
  readonly anyBytes: boolean;
}

/**
 * The files of a text: named files in their order, the files of a folder sorted by path. A folder with `input.txt` means that file.
 * Files that this program wrote are never included.
 *
 * @throws {TextError} `text-missing`, `text-unreadable`, `text-own-file`
 */
export async function findTextFiles(named: readonly string[], options: FindOptions): Promise<TextFiles> {
  const files: TextFile[] = [];
  const leftOut = new LeftOut();
  const empty: string[] = [];
  let nothing: TextError | undefined;
  for (const path of named) {
    const facts = await statOf(path);
    if (!facts.isDirectory() && !facts.isFile()) throw noFile(path);
    if (facts.isFile()) {
      const own = await ownFile({ path, ...facts }, named.length > 1);
      if (own) {
        nothing ??= own.error;
        leftOut.addOwn(path, own.kind);
      } else {
        files.push({ path, name: path, size: facts.size });
      }
      continue;
    }
    const inFolder = new LeftOut();
    const found = await filesOfFolder(path, options, inFolder);
    for (const file of found) files.push(file);
    if (found.length === 0) {
      // No error if there are other texts: `train *` also names the folder with the checkpoints.
      nothing ??= noText(path, options.include, inFolder);
      empty.push(path);
    }
    leftOut.addAll(inFolder);
  }
  if (files.length === 0 && nothing) throw nothing;
  return {
    name: nameOfFiles(named, files),
    named,
    files,
    paths: named.map((path) => resolve(path)),
    include: options.include,
    leftOut,
    notices: emptyNotices(empty, options.include),
  };
}

/** Messages call a saved standard input by that name, not by its path. */
export function asStandardInput(text: TextFiles): TextFiles {
  const files = text.files.map((file) => ({ ...file, name: STANDARD_INPUT }));
  return { ...text, name: STANDARD_INPUT, files };
}

/**
 * The files of a text that was read before, even if its folders now contain other files too.
 *
 * @param named The paths that were named then.
 * @throws {TextError} `text-missing`, `text-unreadable`
 */
export async function filesReadBefore(
  known: readonly FileFacts[],
  named: readonly string[],
  include: string | undefined,
): Promise<TextFiles> {
  const files = await inBatches(known, async ({ path }) => {
    const { size } = await statOf(path);
    return { path, name: path, size };
  });
  return {
    name: nameOfFiles(named, files),
    files,
    named,
    paths: named.map((path) => resolve(path)),
    include,
    leftOut: new LeftOut(),
    notices: [],
  };
}

/**
 * Finds texts in folders that are not among the known files.
 *
 * @param named Files and folders. Only the folders are searched.
 */
export async function newTextFiles(
  known: readonly FileFacts[],
  named: readonly string[],
  options: FindOptions,
): Promise<string[]> {
  const paths = new Set(known.map(({ path }) => path));
  const found: string[] = [];
  for (const folder of named) {
    const facts = await stat(folder).catch(() => undefined);
    if (!facts?.isDirectory()) continue;
    const files = await filesOfFolder(folder, options, new LeftOut(), (path) => !paths.has(resolve(path)));
    for (const { path } of files) if (!paths.has(resolve(path))) found.push(path);
  }
  return found;
}

/** A hash of the files' paths, sizes, times and inodes, which changes when a file changes; and the newest change time. */
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

interface OwnFile {
  readonly kind: string;
  readonly error: TextError;
}

/** @param shouldOpen Whether to open a file that matches the pattern, to see its kind. If not, the file is ignored. */
async function filesOfFolder(
  folder: string,
  options: FindOptions,
  leftOut: LeftOut,
  shouldOpen: (path: string) => boolean = () => true,
): Promise<TextFile[]> {
  const inside = join(folder, FOLDER_TEXT);
  if (options.include === undefined) {
    const facts = await stat(inside).catch(() => undefined);
    if (facts?.isFile()) return [{ path: inside, name: inside, size: facts.size }];
  }
  const matches = matcherOf(options.include);
  const isWanted = (path: string) => matches(relative(folder, path).split(sep).join('/'));
  const walk = await walkFolder(folder).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  const wanted = walk.files.filter(({ path }) => isWanted(path) && shouldOpen(path));
  const classes = await inBatches(wanted, (file) =>
    classifyFile(file, { anyBytes: options.anyBytes, byName: true }),
  );
  const files: TextFile[] = [];
  for (const [index, { path, size }] of wanted.entries()) {
    const fileClass = classes[index];
    if (fileClass?.is === 'own') {
      // No notice: every text that was read has these caches next to it.
      if (!CACHE_FILES.test(path)) leftOut.addOwn(path, fileClass.kind);
    } else if (fileClass?.is === 'other') leftOut.addOther(path, fileClass.kind);
    else files.push({ path, name: path, size, isFound: true });
  }
  const read = new Set(files.map(({ path }) => path));
  for (const { path, reason, isReadElsewhere, target } of walk.skipped) {
    if (!isWanted(path) || (target !== undefined && !read.has(target))) continue;
    leftOut.addSkipped(path, reason, isReadElsewhere);
  }
  return files;
}

/** A notice about folders without texts. */
function emptyNotices(folders: readonly string[], include: string | undefined): string[] {
  if (folders.length === 0) return [];
  const what = include === undefined ? 'no text' : `no text that matches \`include\` ${include}`;
  return [`${what} in ${shortList(folders)}`];
}

function noText(folder: string, include: string | undefined, leftOut: LeftOut): TextError {
  const notices = leftOut.notices();
  const seen = notices.map((notice) => `\n${notice}`).join('');
  const problem =
    include === undefined
      ? `${folder} is a folder without ${FOLDER_TEXT} or any other text.${seen || ' Name a text file, or a folder with texts in it.'}`
      : `no text in ${folder} matches \`include\` ${include}.${seen || " A pattern looks like '*.txt' or 'src/**/*.{ts,js}'."}`;
  return new TextError('text-missing', problem);
}

/** @param isOneOfSeveral Whether other files are named too, as by `*`. If so, the name is enough to leave a file out. */
async function ownFile(
  file: { readonly path: string; readonly dev: number; readonly ino: number },
  isOneOfSeveral: boolean,
): Promise<OwnFile | undefined> {
  const fileClass = await classifyFile(file, { anyBytes: true, byName: isOneOfSeveral });
  if (fileClass.is !== 'own') return undefined;
  const { kind } = fileClass;
  const isInput = isSavedInput(file.path);
  const remedies = kind === 'a checkpoint' && !isInput ? checkpointRemedies(file.path) : [];
  const name = isInput ? STANDARD_INPUT : file.path;
  return { kind, error: new TextError('text-own-file', `${name} is ${kind}, not a text.`, { remedies }) };
}

function checkpointRemedies(path: string) {
  return [
    { text: 'To continue its run', command: ['train', '--resume', path] },
    { text: 'To generate text with it', command: ['sample', path] },
  ];
}

/** Tests whether a path within a folder matches a pattern. A pattern without a slash is compared with the file's name. */
function matcherOf(pattern: string | undefined): (path: string) => boolean {
  return pattern === undefined ? () => true : picomatch(pattern, { basename: !pattern.includes('/') });
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
    `${path} is not a regular file, and reading a text takes more than one pass.`,
    { remedies: [{ text: 'Pipe it to standard input, and name it -' }] },
  );
}

export function unreadable(path: string, error: unknown): TextError {
  return new TextError('text-unreadable', `${path} can't be read: ${describeSystemError(error)}.`, {
    cause: error,
  });
}

/** The name of a text for messages. @param named Files and folders as named by the user. */
export function nameOfFiles(named: readonly string[], files: readonly TextFile[]): string {
  const [only] = files;
  if (only && files.length === 1) return only.name;
  return `${named.slice(0, MAX_NAMED).join(', ')}${named.length > MAX_NAMED ? ', …' : ''} (${formatCount(files.length)} files)`;
}
