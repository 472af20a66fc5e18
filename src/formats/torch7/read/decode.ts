/** Decodes a Torch7 file to a checkpoint. */
import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import { malformed, namingFile, Torch7Fault, unsupported } from '../errors.ts';
import { Table, type Value } from '../values.ts';
import { AsciiSource } from './ascii-source.ts';
import { BinarySource } from './binary-source.ts';
import { isCharRnn, readCharRnn } from './char-rnn.ts';
import { describe } from './fields.ts';
import { type ReadObject, readObject } from './reader.ts';
import type { Source } from './source.ts';
import { isTorchRnn, readTorchRnn } from './torch-rnn.ts';

/** Whether a file begins like a table or object of `torch.save`: with its type, then the number 1. */
export function isTorch7(bytes: Uint8Array): boolean {
  return isAscii(bytes) || [3, 4].some((type) => startsWith(bytes, [type, 0, 0, 0, 1, 0, 0, 0]));
}

/**
 * Decodes a checkpoint of char-rnn or torch-rnn. Code in the file is never run.
 *
 * @param name What to call the file in messages.
 * @throws {CheckpointError} `torch7-…` unless the file is a complete, well-formed checkpoint of a known model
 */
export function decodeTorch7(bytes: Uint8Array, name: string): Checkpoint {
  return namingFile(name, () => {
    const { value, functions } = readTorch7(bytes);
    const checkpoint = readCheckpoint(value, bytes.length);
    if (functions === 0 || !checkpoint.origin) return checkpoint;
    const notices = [
      ...checkpoint.origin.notices,
      `it holds ${functions} Lua functions, which were left out`,
    ];
    return { ...checkpoint, origin: { ...checkpoint.origin, notices } };
  });
}

/**
 * Reads the object in a file: in ASCII, or binary with longs of 64 or 32 bits.
 *
 * @throws {Torch7Fault}
 */
export function readTorch7(bytes: Uint8Array): ReadObject {
  if (isAscii(bytes)) return readWhole(new AsciiSource(bytes));
  try {
    return readWhole(new BinarySource(bytes, 8));
  } catch (error) {
    if (!(error instanceof Torch7Fault)) throw error;
    try {
      return readWhole(new BinarySource(bytes, 4));
    } catch {
      throw error;
    }
  }
}

function readWhole(source: Source): ReadObject {
  const read = readObject(source);
  if (source.remaining > 0) throw malformed(`${source.remaining} bytes follow its object`);
  return read;
}

function readCheckpoint(root: Value, fileSize: number): Checkpoint {
  if (!(root instanceof Table))
    throw unsupported(`it holds ${describe(root)}, not a checkpoint of char-rnn or torch-rnn`);
  if (isCharRnn(root)) return readCharRnn(root, fileSize);
  if (isTorchRnn(root)) return readTorchRnn(root, fileSize);
  throw unsupported('it is not a checkpoint of char-rnn or torch-rnn: it has neither protos nor model');
}

function isAscii(bytes: Uint8Array): boolean {
  return ['3\n1\n', '4\n1\n'].some((start) => startsWith(bytes, new TextEncoder().encode(start)));
}

function startsWith(bytes: Uint8Array, start: ArrayLike<number>): boolean {
  return Array.from(start).every((byte, index) => bytes[index] === byte);
}
