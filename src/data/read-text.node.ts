/** Finds and reads the file that holds a text. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { TextError } from '../errors.ts';
import { formatBytes } from '../util/format-number.ts';
import { FOLDER_TEXT, unreadable } from './text-files.node.ts';

/** Node reads no larger file at once. */
const LARGEST_FILE = 2 ** 31 - 1;

export interface TextFile {
  /** The file itself; undefined for standard input. */
  readonly path: string | undefined;
  /** What to call it in messages. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

const NAME_A_TEXT = `Name a text file, or a folder with ${FOLDER_TEXT} in it.`;

/**
 * The bytes of a text.
 *
 * @param path A file, a folder with `input.txt`, or `-` for standard input.
 * @param advice What to do where there is none.
 * @throws {TextError} `text-missing`, `text-unreadable`
 */
export async function readTextFile(path: string, advice: string = NAME_A_TEXT): Promise<TextFile> {
  if (path === '-') return { path: undefined, name: 'standard input', bytes: await buffer(process.stdin) };
  const facts = await statOrThrow(path, `there is no text at ${path}`, advice);
  if (!facts.isDirectory()) return { path, name: path, bytes: await readOrThrow(path, facts.size) };
  const inside = join(path, FOLDER_TEXT);
  const { size } = await statOrThrow(inside, `${path} is a folder without ${FOLDER_TEXT}`, advice);
  return { path: inside, name: inside, bytes: await readOrThrow(inside, size) };
}

async function statOrThrow(path: string, description: string, advice: string) {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, error);
    throw new TextError('text-missing', `${description}. ${advice}`, { cause: error });
  }
}

async function readOrThrow(path: string, size: number): Promise<Uint8Array> {
  if (size > LARGEST_FILE) {
    throw new TextError(
      'text-unreadable',
      `${path} has ${formatBytes(size)}; up to ${formatBytes(LARGEST_FILE)} can be read. Take a part of it.`,
    );
  }
  try {
    return await readFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}
