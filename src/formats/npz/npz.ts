/** A model as NumPy arrays: a zip archive with a .npy file for each tensor, named as in docs/checkpoints.md. */

import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { checkpointFromTensors, checkpointTensors } from '../../checkpoint/codec.ts';
import { malformed } from '../../checkpoint/errors.ts';
import type { TensorInFile, TensorToStore } from '../../checkpoint/safetensors/safetensors.ts';
import type { HalfPrecision } from '../../checkpoint/stored-precision.ts';
import { CheckpointError } from '../../errors.ts';
import { decodeNpy, encodeNpy } from './npy.ts';
import { decodeZip, encodeZip } from './zip.ts';

/** Prefix of arrays with the bytes of a metadata entry: `metadata.char_rnn`. */
const METADATA = 'metadata.';
const EXTENSION = '.npy';

/**
 * Encodes the file in parts, with everything that a safetensors file would hold.
 *
 * @param storedAs Rounds the parameters to this type, which NumPy must have.
 * @throws {CheckpointError} `checkpoint-not-convertible` if it is too large
 */
export function encodeNpz(checkpoint: Checkpoint, storedAs?: HalfPrecision): Uint8Array[] {
  const { tensors, metadata } = checkpointTensors(checkpoint, storedAs);
  const texts = [...metadata].map(([key, text]): [string, TensorToStore] => {
    const values = new TextEncoder().encode(text);
    return [METADATA + key, { shape: [values.length], values }];
  });
  const arrays = [...tensors, ...texts];
  return encodeZip(new Map(arrays.map(([name, tensor]) => [name + EXTENSION, encodeNpy(tensor)])));
}

/** @throws {CheckpointError} unless the file is a complete model written by `encodeNpz` */
export function decodeNpz(bytes: Uint8Array, file: string): Checkpoint {
  const tensors = new Map<string, TensorInFile>();
  const metadata = new Map<string, string>();
  const entries = decodeZip(bytes, file);
  const isModel = [...entries.keys()].some(
    (name) => name.startsWith(METADATA) || name.startsWith('vocabulary.'),
  );
  if (!isModel) {
    throw new CheckpointError('checkpoint-other-kind', `${file} is a zip archive ${kindOf(entries)}.`);
  }
  for (const [entry, content] of entries) {
    if (!entry.endsWith(EXTENSION)) throw malformed(file, `its entry ${entry} is not a .npy file`);
    const name = entry.slice(0, -EXTENSION.length);
    const tensor = decodeNpy(content, `${file}: ${entry}`);
    if (name.startsWith(METADATA)) metadata.set(name.slice(METADATA.length), textOf(tensor, entry, file));
    else tensors.set(name, tensor);
  }
  return checkpointFromTensors({ tensors, metadata }, file);
}

/** Describes an archive from another program, in words that follow "a zip archive". */
function kindOf(entries: ReadonlyMap<string, Uint8Array>): string {
  const names = [...entries.keys()];
  if (names.some((name) => name.endsWith('/data.pkl') || name === 'data.pkl')) {
    return "that PyTorch wrote (.pt): save the model's state_dict with safetensors, or convert the checkpoint that it was made from";
  }
  if (names.some((name) => name.endsWith(EXTENSION))) {
    return 'of NumPy arrays that does not describe a char-rnn model; expected an .npz that was converted from a checkpoint';
  }
  return 'from another program; expected an .npz that was converted from a checkpoint';
}

function textOf({ values }: TensorInFile, entry: string, file: string): string {
  if (!(values instanceof Uint8Array)) throw malformed(file, `${entry} is not an array of bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(values);
  } catch {
    throw malformed(file, `${entry} is not UTF-8`);
  }
}
