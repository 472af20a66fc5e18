/** Sets how the files of a text are decoded. */

import { type FoundEncoding, isAuto, type ReadingOptions, readingOf } from '../encoding/reading.ts';
import type { FileFacts } from './known-text.ts';
import type { TextFile, TextFiles } from './text-files.node.ts';

/**
 * @param known The files of the same text as read before, whose detected encodings are used again.
 * @throws {OptionError} for an unknown encoding
 */
export function withReading(
  text: TextFiles,
  options: ReadingOptions,
  known?: readonly FileFacts[],
): TextFiles {
  const reading = readingOf(options);
  if (!reading) return text;
  const encodings = isAuto(reading)
    ? new Map(known?.map(({ path, encoding }) => [path, encoding]))
    : undefined;
  const files = text.files.map((file) => {
    const encoding = encodings?.get(file.path);
    const found = encoding === undefined ? undefined : { encoding, why: 'the run began with that encoding' };
    return withFoundEncoding({ ...file, reading }, found);
  });
  return { ...text, files };
}

/** A file with its detected encoding; unchanged if none was detected. */
export function withFoundEncoding(file: TextFile, found: FoundEncoding | undefined): TextFile {
  const { reading } = file;
  return found && reading ? { ...file, found, reading: { ...reading, encoding: found.encoding } } : file;
}
