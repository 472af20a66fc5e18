/** Reads a checkpoint file. */
import { readlink, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { CharRnnError, CheckpointError, MemoryError } from '../errors.ts';
import { formatBytes } from '../util/format-number.ts';
import { availableMemory } from '../util/memory.node.ts';
import { describeSystemError } from '../util/system-error.ts';
import type { ByteSource } from './byte-source.ts';
import type { Checkpoint } from './checkpoint.ts';
import { withFile } from './file-source.node.ts';
import { type FormatName, formatOfFile, type OpenedCheckpoint, openCheckpointFile } from './open.ts';
import { runFiles } from './run-files.ts';
import { checkpointFiles, identify } from './storage.node.ts';
import { decodeTorchRnnVocabulary } from './torch-rnn-vocabulary.ts';

const OPENING_BRACE = 0x7b;
/** Far more than a million tokens take. */
const LARGEST_VOCABULARY = 100e6;

/**
 * The checkpoint in a file of any known format.
 *
 * @throws {CheckpointError} when it is missing, can't be read, or is not a whole, well-formed checkpoint
 * @throws {MemoryError} when it is larger than the memory of the machine
 */
export async function readCheckpointFile(path: string): Promise<Checkpoint> {
  return (await openCheckpointPath(path)).checkpoint;
}

/** As `readCheckpointFile`; also tells the format, which is taken from the content unless it is given. */
export async function openCheckpointPath(path: string, format?: FormatName): Promise<OpenedCheckpoint> {
  try {
    const facts = await stat(path);
    if (facts.isDirectory()) throw await isFolder(path);
    // Opening a pipe would wait for somebody to write.
    if (!facts.isFile()) throw new CheckpointError('checkpoint-unreadable', `${path} is not a file.`);
    return withFile(path, (file) => {
      checkMemoryFor(file, path);
      return openCheckpointFile(file, path, format);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw await missing(path, error);
    throw named(error, path);
  }
}

/** An error of the system becomes one of ours; all others stay. */
function named(error: unknown, path: string): unknown {
  if (error instanceof CharRnnError || (error as NodeJS.ErrnoException).code === undefined) return error;
  return new CheckpointError(
    'checkpoint-unreadable',
    `${path} can't be read: ${describeSystemError(error)}.`,
    {
      cause: error,
    },
  );
}

/** All numbers of a checkpoint are in memory at once. What is of no known format is refused by its first bytes. */
function checkMemoryFor(file: ByteSource, path: string): void {
  const available = availableMemory();
  if (file.size <= available || formatOfFile(file) === undefined) return;
  throw new MemoryError(
    `${path} has ${formatBytes(file.size)}, all of which would be in memory; there are ${formatBytes(available)}.`,
  );
}

/**
 * The tokens of a vocabulary file as torch-rnn writes them, in the order of their numbers; undefined for what is no JSON object, or
 * no file.
 *
 * @throws {CheckpointError} when it can't be read, or is JSON that is no such vocabulary
 */
export async function readVocabularyFile(path: string): Promise<string[] | undefined> {
  const facts = await stat(path).catch(() => undefined);
  if (!facts?.isFile() || facts.size === 0) return undefined;
  try {
    return withFile(path, (file) => {
      const isObject = file.read(0, 1)[0] === OPENING_BRACE && file.size <= LARGEST_VOCABULARY;
      return isObject ? decodeTorchRnnVocabulary(file.read(0, file.size), path) : undefined;
    });
  } catch (error) {
    throw named(error, path);
  }
}

async function isFolder(path: string): Promise<CheckpointError> {
  const newest = await newestCheckpoint(path);
  const hint = newest === undefined ? 'There is no checkpoint in it.' : `The newest in it: ${newest}`;
  return new CheckpointError(
    'checkpoint-unreadable',
    `${path} is a folder, expected a checkpoint file. ${hint}`,
  );
}

async function missing(path: string, cause: unknown): Promise<CheckpointError> {
  const newest = (await newestCheckpoint(dirname(path))) ?? (await newestCheckpoint('cv'));
  const hint =
    newest === undefined
      ? 'Make one with: char-rnn train book.txt'
      : `Did you mean ${newest}? It is the newest there.`;
  return new CheckpointError('checkpoint-missing', `there is no checkpoint ${path}. ${hint}`, { cause });
}

/**
 * The checkpoint in a folder that was written last; undefined where there is none, or no folder.
 *
 * It is what `last.safetensors` stands for, since a folder that was copied has the times of the copy; unless the same run has come
 * further since, when a kill came between a save and the name. Without that name the times decide.
 */
export async function newestCheckpoint(folder: string): Promise<string | undefined> {
  const files = await Promise.all((await checkpointFiles(folder)).map(dated));
  const byTime = files.filter((file) => file !== undefined).sort((a, b) => b.time - a.time);
  const last = await dated(await linkTarget(join(folder, runFiles('').last)));
  if (!last) return byTime[0]?.path;
  const known = await identify(last.path);
  if (known === 'other' || known === undefined) return byTime[0]?.path;
  let [newest, most] = [last.path, known.iteration];
  for (const { path } of byTime.filter(({ time }) => time > last.time)) {
    const identity = await identify(path);
    if (identity === 'other' || identity?.runId !== known.runId || identity.iteration <= most) continue;
    [newest, most] = [path, identity.iteration];
  }
  return newest;
}

interface DatedFile {
  readonly path: string;
  /** When it was written, in milliseconds. */
  readonly time: number;
}

async function dated(path: string): Promise<DatedFile | undefined> {
  return stat(path).then(
    (facts) => ({ path, time: facts.mtimeMs }),
    () => undefined,
  );
}

/**
 * What a symbolic link stands for; the path itself where it is none. A file of that name beside the link goes first: a copied folder may
 * have links to where it was.
 */
export async function linkTarget(path: string): Promise<string> {
  const target = await readlink(path).catch(() => undefined);
  if (target === undefined) return path;
  const beside = join(dirname(path), basename(target));
  if (await dated(beside)) return beside;
  return isAbsolute(target) ? target : join(dirname(path), target);
}
