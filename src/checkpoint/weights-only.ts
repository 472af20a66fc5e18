/**
 * Removes what a model does not need to write from a checkpoint file: the training state, which takes half of the file and names the files of
 * the training text, and the statistics of that text for `eval --dynamic`.
 */
import { decodeMetadata, encodeMetadata, METADATA_KEY } from './metadata.ts';
import type { ByteSource } from './safetensors/byte-source.ts';
import { encodeHeader, readHeader } from './safetensors/safetensors.ts';

const NOT_WEIGHTS = /^(train|mean_square)\./;

/** Bytes to write: these, or a range of the original file. */
export type FilePart = Uint8Array | { readonly begin: number; readonly end: number };

/**
 * The parts of the smaller file, in order.
 *
 * @param name What to call the file in messages.
 * @throws {CheckpointError} if it is not a checkpoint of this program, or is truncated
 */
export function withoutTraining(file: ByteSource, name: string): FilePart[] {
  const { tensors, metadata, dataStart } = readHeader(file, name);
  const kept = [...tensors]
    .filter(([tensor]) => !NOT_WEIGHTS.test(tensor))
    .map(([tensor, entry]) => ({ name: tensor, ...entry, bytes: entry.end - entry.begin }))
    .sort((a, b) => a.begin - b.begin);
  const ranges = kept.map(({ begin, end }) => ({ begin: dataStart + begin, end: dataStart + end }));
  return [encodeHeader(kept, metadataOnly(metadata, name)), ...ranges];
}

function metadataOnly(metadata: ReadonlyMap<string, string>, name: string): ReadonlyMap<string, string> {
  if (!metadata.has(METADATA_KEY)) return metadata;
  const { training: _, ...facts } = decodeMetadata(metadata, name);
  return new Map([...metadata, ...encodeMetadata({ ...facts, training: undefined })]);
}
