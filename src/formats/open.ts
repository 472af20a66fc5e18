/** A checkpoint from the bytes of a file, in whichever of the known formats it is: the content tells, not the name. */

import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { decodeCheckpoint, readCheckpoint } from '../checkpoint/codec.ts';
import type { ByteSource } from '../checkpoint/safetensors/byte-source.ts';
import { isSafetensors } from '../checkpoint/safetensors/safetensors.ts';
import { CheckpointError } from '../errors.ts';
import { decodeNpz } from './npz/npz.ts';
import { isZip } from './npz/zip.ts';
import { decodeOnnx, isOnnx } from './onnx/decode.ts';
import { decodeTorch7, isTorch7 } from './torch7/index.ts';

export const FORMAT_NAMES = ['safetensors', 'npz', 'onnx', 'torch7'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

interface Format {
  /** Whether the first bytes are of this format; a file may still be damaged. */
  readonly matches: (bytes: Uint8Array) => boolean;
  /** @throws {CheckpointError} for anything that is not a whole, well-formed model */
  readonly decode: (bytes: Uint8Array, name: string) => Checkpoint;
  /** The same of a file that is read a part at a time, where the format allows it. */
  readonly read?: (file: ByteSource, name: string) => Checkpoint;
}

const FORMATS: Readonly<Record<FormatName, Format>> = {
  safetensors: { matches: isSafetensors, decode: decodeCheckpoint, read: readCheckpoint },
  npz: { matches: isZip, decode: decodeNpz },
  onnx: { matches: isOnnx, decode: decodeOnnx },
  torch7: { matches: isTorch7, decode: decodeTorch7 },
};

export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly format: FormatName;
}

/** The format of a file; undefined for one that is not known. */
function formatOf(bytes: Uint8Array): FormatName | undefined {
  return FORMAT_NAMES.find((format) => FORMATS[format].matches(bytes));
}

/** Bytes that tell every format. */
const GLANCE = 512;

/** As `formatOf`, of a file that need not be in memory. */
export function formatOfFile(file: ByteSource): FormatName | undefined {
  return formatOf(file.read(0, Math.min(GLANCE, file.size)));
}

/**
 * The checkpoint in the bytes of a file.
 *
 * @param name What to call the file in messages.
 * @param format Told by the content where absent; what is of no known format is read as our own, which says what is wrong.
 * @throws {CheckpointError} for anything that is not a whole, well-formed model
 */
export function openCheckpoint(
  bytes: Uint8Array,
  name: string,
  format: FormatName = formatOf(bytes) ?? 'safetensors',
): Checkpoint {
  return FORMATS[format].decode(bytes, name);
}

/** The checkpoint in a file that need not be in memory whole, and the format that it was in. As `openCheckpoint`. */
export function openCheckpointFile(
  file: ByteSource,
  name: string,
  format: FormatName = formatOfFile(file) ?? 'safetensors',
): OpenedCheckpoint {
  const { read, decode } = FORMATS[format];
  try {
    return { format, checkpoint: read?.(file, name) ?? decode(file.read(0, file.size), name) };
  } catch (error) {
    const seen = formatOfFile(file);
    if (!(error instanceof CheckpointError) || seen === undefined || seen === format) throw error;
    // The format that was named may be the wrong one, and the file not damaged.
    const problem = `${error.problem}\nIt was read as ${format}, but it begins like a file in ${seen}.`;
    const remedy = { text: 'Let the content decide on the format', set: { from: undefined } };
    throw new CheckpointError(error.code, problem, { cause: error, remedies: [remedy] });
  }
}
