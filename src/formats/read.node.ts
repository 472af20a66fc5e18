/** Reads a checkpoint file. */
import { stat } from 'node:fs/promises';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../checkpoint/safetensors/byte-source.ts';
import { withFile } from '../checkpoint/safetensors/file-source.node.ts';
import { missingCheckpoint, modelIn } from '../checkpoint/storage/find-checkpoint.node.ts';
import { CharRnnError, CheckpointError, MemoryError } from '../errors.ts';
import { formatBytes } from '../util/format.ts';
import { availableMemory } from '../util/machine.node.ts';
import { describeSystemError } from '../util/system-error.ts';
import { type FormatName, formatOfFile, type OpenedCheckpoint, openCheckpointFile } from './open.ts';
import { decodeTorchRnnVocabulary } from './torch-rnn-vocabulary.ts';

const OPENING_BRACE = 0x7b;
/** Far more than a million tokens take. */
const LARGEST_VOCABULARY = 100e6;

/**
 * The checkpoint in a file of any known format, or the one in a folder that `modelIn` chooses.
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
    if (facts.isDirectory()) return openCheckpointPath((await modelIn(path)).path, format);
    // Opening a pipe would wait for somebody to write.
    if (!facts.isFile()) throw new CheckpointError('checkpoint-unreadable', `${path} is not a file.`);
    return withFile(path, (file) => {
      checkMemoryFor(file, path);
      return openCheckpointFile(file, path, format);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw await missingCheckpoint(path, error);
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
