/** Reads checkpoint files and vocabulary files. */
import { stat } from 'node:fs/promises';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../checkpoint/safetensors/byte-source.ts';
import { withFile } from '../checkpoint/safetensors/file-source.node.ts';
import { missingCheckpoint, modelIn } from '../checkpoint/storage/find-checkpoint.node.ts';
import { CharRnnError, CheckpointError, MemoryError } from '../errors.ts';
import { formatBytes } from '../util/format.ts';
import { availableMemory } from '../util/machine.node.ts';
import { describeSystemError } from '../util/system-error.ts';
import type { FormatName } from './format-names.ts';
import { formatOfFile, type OpenedCheckpoint, openCheckpointFile } from './open.ts';
import { decodeTorchRnnVocabulary } from './torch-rnn-vocabulary.ts';

const OPENING_BRACE = 0x7b;
/** Maximum bytes of a vocabulary file: far more than a million tokens need. */
const MAX_VOCABULARY_BYTES = 100e6;

/**
 * Reads a checkpoint file of any known format, or the checkpoint in a folder that `modelIn` chooses.
 *
 * @throws {CheckpointError} if it is missing, unreadable, or not a complete, well-formed checkpoint
 * @throws {MemoryError} if it is larger than the machine's memory
 */
export async function readCheckpointFile(path: string): Promise<Checkpoint> {
  return (await openCheckpointPath(path)).checkpoint;
}

/** Like `readCheckpointFile`, and also returns the format. By default, it is recognised from the content. */
export async function openCheckpointPath(path: string, format?: FormatName): Promise<OpenedCheckpoint> {
  try {
    const facts = await stat(path);
    if (facts.isDirectory()) return openCheckpointPath((await modelIn(path)).path, format);
    // Opening a pipe would block until somebody writes to it.
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

/** Converts a system error to a CheckpointError. Returns other errors unchanged. */
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

/** Checks that a file fits in memory. A file of unknown format need not: it is rejected after its first bytes. */
function checkMemoryFor(file: ByteSource, path: string): void {
  const available = availableMemory();
  if (file.size <= available || formatOfFile(file) === undefined) return;
  throw new MemoryError(
    `${path} has ${formatBytes(file.size)} and must fit in memory, but there are only ${formatBytes(available)}.`,
  );
}

/**
 * Reads the tokens of a torch-rnn vocabulary file, in the order of their numbers; undefined if it is not a file or not a JSON object.
 *
 * @throws {CheckpointError} if it can't be read, or is JSON but not a vocabulary
 */
export async function readVocabularyFile(path: string): Promise<string[] | undefined> {
  const facts = await stat(path).catch(() => undefined);
  if (!facts?.isFile() || facts.size === 0) return undefined;
  try {
    return withFile(path, (file) => {
      const isObject = file.read(0, 1)[0] === OPENING_BRACE && file.size <= MAX_VOCABULARY_BYTES;
      return isObject ? decodeTorchRnnVocabulary(file.read(0, file.size), path) : undefined;
    });
  } catch (error) {
    throw named(error, path);
  }
}
