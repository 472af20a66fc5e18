/** Reads a checkpoint file. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { describeSystemError } from '../util/system-error.ts';
import type { Checkpoint } from './checkpoint.ts';
import { withFile } from './file-source.node.ts';
import { openCheckpointFile } from './open.ts';

/**
 * The checkpoint in a file of any known format.
 *
 * @throws {CheckpointError} when it is missing, can't be read, or is not a whole, well-formed checkpoint
 */
export async function readCheckpointFile(path: string): Promise<Checkpoint> {
  try {
    const facts = await stat(path);
    if (facts.isDirectory()) throw await isFolder(path);
    // Opening a pipe would wait for somebody to write.
    if (!facts.isFile()) throw new CheckpointError('checkpoint-unreadable', `${path} is not a file.`);
    return withFile(path, (file) => openCheckpointFile(file, path));
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw await missing(path, error);
    if (code === undefined) throw error;
    throw new CheckpointError(
      'checkpoint-unreadable',
      `${path} can't be read: ${describeSystemError(error)}.`,
      { cause: error },
    );
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

/** The checkpoint in a folder that was written last; undefined where there is none, or no folder. */
export async function newestCheckpoint(folder: string): Promise<string | undefined> {
  try {
    const names = (await readdir(folder)).filter(
      (name) => name.endsWith('.safetensors') && !basename(name).startsWith('.'),
    );
    const dated = await Promise.all(
      names.map(async (name) => ({
        path: join(folder, name),
        time: (await stat(join(folder, name))).mtimeMs,
      })),
    );
    return dated.sort((a, b) => b.time - a.time)[0]?.path;
  } catch {
    return undefined;
  }
}
