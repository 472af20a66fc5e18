/** Reads a checkpoint in any known format, which is recognised from the content of the file, not its name. */

import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { decodeCheckpoint, readCheckpoint } from '../checkpoint/codec.ts';
import type { ByteSource } from '../checkpoint/safetensors/byte-source.ts';
import { isSafetensors } from '../checkpoint/safetensors/safetensors.ts';
import { CheckpointError } from '../errors.ts';
import { FORMAT_NAMES, type FormatName } from './format-names.ts';
import { decodeNpz } from './npz/npz.ts';
import { isZip } from './npz/zip.ts';
import { decodeOnnx, isOnnx } from './onnx/decode.ts';
import { decodeTorch7, isTorch7 } from './torch7/index.ts';

interface Format {
  /** Whether the first bytes match this format. The file may still be damaged. */
  readonly matches: (bytes: Uint8Array) => boolean;
  /** @throws {CheckpointError} unless the bytes are a complete, well-formed model */
  readonly decode: (bytes: Uint8Array, name: string) => Checkpoint;
  /** The same for a file that is read in parts, if the format allows that. */
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

/** The format of a file; undefined if it is unknown. */
function formatOf(bytes: Uint8Array): FormatName | undefined {
  return FORMAT_NAMES.find((format) => FORMATS[format].matches(bytes));
}

/** Bytes that suffice to recognise every format. */
const FORMAT_BYTES = 512;

/** The format of a file that need not be in memory. */
export function formatOfFile(file: ByteSource): FormatName | undefined {
  return formatOf(file.read(0, Math.min(FORMAT_BYTES, file.size)));
}

/**
 * Decodes a checkpoint in memory.
 *
 * @param name What to call the file in messages.
 * @param format Default: recognised from the content. An unknown format is read as safetensors, which reports the problem.
 * @throws {CheckpointError} unless the file is a complete, well-formed model
 */
export function openCheckpoint(
  bytes: Uint8Array,
  name: string,
  format: FormatName = formatOf(bytes) ?? 'safetensors',
): Checkpoint {
  return FORMATS[format].decode(bytes, name);
}

/** Reads a checkpoint from a file that need not be in memory. Otherwise like `openCheckpoint`. */
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
    // The file may be intact, but in a format other than the named one.
    const problem = `${error.problem}\nIt was read as ${format}, but it begins like a file in ${seen}.`;
    const remedy = { text: 'Recognise the format from the content', set: { from: undefined } };
    throw new CheckpointError(error.code, problem, { cause: error, remedies: [remedy] });
  }
}
