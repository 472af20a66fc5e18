/** Reads a checkpoint for the page, without its training state unless that is asked for. */
import { constants, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ByteSource } from '../../checkpoint/safetensors/byte-source.ts';
import { type FilePart, withoutTraining } from '../../checkpoint/weights-only.ts';
import type { CheckpointPlace } from '../index/run-checkpoints.node.ts';

const PIECE_BYTES = 2 ** 20;

export interface CheckpointContent {
  readonly size: number;
  /** The bytes in pieces. Closes the file at the end; call `close` if they are not read. */
  readonly pieces: () => AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>;
  readonly close: () => Promise<void>;
}

/**
 * Opens a checkpoint.
 *
 * @param hasTraining Whether to keep the training state.
 * @throws {CheckpointError} if it is not a checkpoint of this program
 * @throws a system error
 */
export async function openCheckpoint(
  { path, name }: CheckpointPlace,
  hasTraining: boolean,
): Promise<CheckpointContent> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    const { size } = await file.stat();
    const parts = hasTraining ? [{ begin: 0, end: size }] : withoutTraining(sourceOf(file, size), name);
    const total = parts.reduce((sum, part) => sum + sizeOf(part), 0);
    return { size: total, pieces: () => piecesOf(file, parts), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** For the header, which is read at once. */
function sourceOf(file: FileHandle, size: number): ByteSource {
  return {
    size,
    read(begin, end) {
      const bytes = new Uint8Array(end - begin);
      const read = readSync(file.fd, bytes, 0, bytes.length, begin);
      return bytes.slice(0, read);
    },
  };
}

function sizeOf(part: FilePart): number {
  return part instanceof Uint8Array ? part.length : part.end - part.begin;
}

async function* piecesOf(
  file: FileHandle,
  parts: readonly FilePart[],
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  try {
    for (const part of parts) {
      if (part instanceof Uint8Array) yield new Uint8Array(part);
      else yield* rangeOf(file, part.begin, part.end);
    }
  } finally {
    await file.close();
  }
}

async function* rangeOf(
  file: FileHandle,
  begin: number,
  end: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  for (let at = begin; at < end; ) {
    const bytes = new Uint8Array(Math.min(PIECE_BYTES, end - at));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, at);
    if (bytesRead === 0) throw new Error('the checkpoint became shorter while it was being read');
    yield bytes.subarray(0, bytesRead);
    at += bytesRead;
  }
}
