/** Finds the files that a text is made of: named ones, and those of folders. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import picomatch from 'picomatch';
import { TextError } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import { describeSystemError } from '../../util/system-error.ts';
import type { FoundEncoding, Reading } from '../encoding/reading.ts';
import { inBatches, walkFolder } from './folder-walk.node.ts';
import { judgeFile } from './judge-file.node.ts';
import type { FileFacts } from './known-text.ts';
import { LeftOut, shortList } from './left-out.ts';
import { isKeptInput, STANDARD_INPUT } from './standard-input.node.ts';

/** The name of a text within a folder, as in the original. */
export const FOLDER_TEXT = 'input.txt';
/** Files that a preparation leaves beside a text. */
const BESIDE_TEXT = /\.(?:vocab\.json|tokens)$/;
/** Files that are named in a text's name. */
const MAX_NAMED = 3;

export interface TextFile {
  readonly path: string;
  /** What to call it in messages. */
  readonly name: string;
  /** Bytes on disk. */
  readonly size: number;
  /** Whether it was found in a folder, not named. */
  readonly isFound?: boolean;
  /** How it is read; absent: as the bytes that it has. */
  readonly reading?: Reading;
  /** An encoding that was found for it when it was read before. */
  readonly found?: FoundEncoding;
}

export interface TextFiles {
  /** What to call the text in messages. */
  readonly name: string;
  readonly files: readonly TextFile[];
  /** What was named, as it was. */
  readonly named: readonly string[];
  /** What was named, as absolute paths: by these the text is found again. */
  readonly paths: readonly string[];
  readonly include: string | undefined;
  /** What was named or found and is not read. */
  readonly leftOut: LeftOut;
  readonly notices: readonly string[];
}

export interface FindOptions {
  /** A pattern that files of a folder must match. */
  readonly include?: string | undefined;
  /** Whether any bytes will do, so that nothing is left out as no text. */
  readonly anyBytes: boolean;
}

/**
 * The files of a text, in order: files as they are named, those of a folder by name. A folder with `input.txt` is that file. Files
 * that this program wrote are never among them.
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
      // No error where there are other texts: `train *` names the folder with the checkpoints too.
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

/** A text whose file holds a standard input, by that name in messages. */
export function asStandardInput(text: TextFiles): TextFiles {
  const files = text.files.map((file) => ({ ...file, name: STANDARD_INPUT }));
  return { ...text, name: STANDARD_INPUT, files };
}

/**
 * The files of a text that was read before, whatever else its folders hold now.
 *
 * @param named What was named at first.
 * @throws {TextError} `text-missing`, `text-unreadable`
 */
export async function filesAgain(
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
 * Texts in folders that are not among the known ones.
 *
 * @param named Files and folders; the files are known.
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

interface OwnFile {
  readonly kind: string;
  readonly error: TextError;
}

/** @param isLookedAt Of files that match the pattern: whether they are opened, to see what they are; else they are passed over. */
async function filesOfFolder(
  folder: string,
  options: FindOptions,
  leftOut: LeftOut,
  isLookedAt: (path: string) => boolean = () => true,
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
  const wanted = walk.files.filter(({ path }) => isWanted(path) && isLookedAt(path));
  const judged = await inBatches(wanted, (file) =>
    judgeFile(file, { anyBytes: options.anyBytes, byName: true }),
  );
  const files: TextFile[] = [];
  for (const [index, { path, size }] of wanted.entries()) {
    const judgement = judged[index];
    if (judgement?.is === 'own') {
      // Vocabularies and tokens lie beside every text that was read: no news.
      if (!BESIDE_TEXT.test(path)) leftOut.addOwn(path, judgement.kind);
    } else if (judgement?.is === 'other') leftOut.addOther(path, judgement.kind);
    else files.push({ path, name: path, size, isFound: true });
  }
  const read = new Set(files.map(({ path }) => path));
  for (const { path, reason, isReadElsewhere, target } of walk.past) {
    if (!isWanted(path) || (target !== undefined && !read.has(target))) continue;
    leftOut.addPast(path, reason, isReadElsewhere);
  }
  return files;
}

/** Of several texts, folders without any. */
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

/** @param isOneOfSeveral Whether other files are named too, as by `*`: then a name is enough to leave a file out. */
async function ownFile(
  file: { readonly path: string; readonly dev: number; readonly ino: number },
  isOneOfSeveral: boolean,
): Promise<OwnFile | undefined> {
  const judgement = await judgeFile(file, { anyBytes: true, byName: isOneOfSeveral });
  if (judgement.is !== 'own') return undefined;
  const { kind } = judgement;
  const isInput = isKeptInput(file.path);
  const remedies = kind === 'a checkpoint' && !isInput ? checkpointRemedies(file.path) : [];
  const name = isInput ? STANDARD_INPUT : file.path;
  return { kind, error: new TextError('text-own-file', `${name} is ${kind}, not a text.`, { remedies }) };
}

function checkpointRemedies(path: string) {
  return [
    { text: 'To go on with its run', command: ['train', '--resume', path] },
    { text: 'To write text with it', command: ['sample', path] },
  ];
}

/** Whether a path within a folder matches a pattern; one without a slash is of the file's name alone. */
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
    `${path} is not a regular file, and a text is read more than once.`,
    { remedies: [{ text: 'Send it through standard input, and name it -' }] },
  );
}

export function unreadable(path: string, error: unknown): TextError {
  return new TextError('text-unreadable', `${path} can't be read: ${describeSystemError(error)}.`, {
    cause: error,
  });
}

/** What to call a text of some files. @param named What was named, files and folders. */
export function nameOfFiles(named: readonly string[], files: readonly TextFile[]): string {
  const [only] = files;
  if (only && files.length === 1) return only.name;
  return `${named.slice(0, MAX_NAMED).join(', ')}${named.length > MAX_NAMED ? ', …' : ''} (${formatCount(files.length)} files)`;
}
