/** Detects the encoding of files whose start is valid UTF-8, from the bytes around the first invalid one. */

import { firstInvalidByte, MAX_SEQUENCE } from '../../util/utf8.ts';
import type { TextFile } from '../files/text-files.node.ts';
import { withFoundEncoding } from '../files/with-reading.node.ts';
import type { Preparation } from '../preparation.ts';
import { textBlocks } from '../text/text-blocks.node.ts';
import { NotUtf8 } from './decode.ts';
import { DETECTION_SAMPLE } from './detect-encoding.ts';
import { encodingNear, hasUtf8Mark, isAuto, isPlain } from './reading.ts';

const BLOCK_BYTES = 1 << 20;

/**
 * The files, each with an encoding if it has a byte that is not valid UTF-8.
 *
 * @throws {NotUtf8} for the first file whose encoding can't be detected
 */
export async function* withLateEncodings(files: readonly TextFile[]): Preparation<TextFile[]> {
  const settled: TextFile[] = [];
  for (const file of files) settled.push(yield* withLateEncoding(file));
  return settled;
}

async function* withLateEncoding(file: TextFile): Preparation<TextFile> {
  const { reading } = file;
  if (!reading || !(isAuto(reading) || isPlain(reading.encoding))) return file;
  const bad = yield* findInvalidByte(file);
  if (!bad) return file;
  const found = isAuto(reading) && !bad.isMarked ? encodingNear(bad.sample, bad) : undefined;
  if (!found) throw new NotUtf8(file.name, bad.offset + bad.invalid, bad.sample[bad.invalid] ?? 0);
  return withFoundEncoding(file, found);
}

interface InvalidByte {
  readonly sample: Uint8Array;
  /** Index of the invalid byte in the sample. */
  readonly invalid: number;
  /** Offset of the sample in the file. */
  readonly offset: number;
  /** Whether the file begins with a UTF-8 byte order mark. */
  readonly isMarked: boolean;
  /** Whether the file ends with the sample. */
  readonly isWhole: boolean;
}

/** The bytes around the first invalid one. Undefined if there is none, or if the start of the file shows its encoding. */
async function* findInvalidByte(file: TextFile): Preparation<InvalidByte | undefined> {
  let before: Uint8Array = new Uint8Array();
  let offset = 0;
  let found: Omit<InvalidByte, 'isWhole' | 'isMarked'> | undefined;
  let isMarked = false;
  const { reading: _, ...raw } = file;
  for await (const block of textBlocks(isAuto(file.reading) ? file : raw, BLOCK_BYTES)) {
    if (block.found) return undefined;
    if (offset === 0) isMarked = hasUtf8Mark(block.bytes);
    if (found) return { ...withMore(found, block.bytes), isMarked, isWhole: false };
    const bytes = Buffer.concat([before, block.bytes]);
    const start = offset - before.length;
    const invalid = firstInvalidByte(bytes);
    const isCut = !block.isLast && invalid > bytes.length - MAX_SEQUENCE;
    if (invalid >= 0 && !isCut) {
      const from = Math.max(0, invalid - DETECTION_SAMPLE / 2);
      found = { sample: bytes.subarray(from), invalid: invalid - from, offset: start + from };
      if (block.isLast || bytes.length - invalid > DETECTION_SAMPLE / 2)
        return { ...found, isMarked, isWhole: block.isLast };
      continue;
    }
    offset += block.bytes.length;
    // Keep a sequence that continues in the next block, and a sample of what precedes it.
    before = bytes.slice(-DETECTION_SAMPLE / 2);
    yield { stage: 'reading', name: file.name, bytes: Math.min(file.size, block.position), total: file.size };
  }
  return found && { ...found, isMarked, isWhole: true };
}

function withMore<T extends { readonly sample: Uint8Array }>(found: T, more: Uint8Array): T {
  return { ...found, sample: Buffer.concat([found.sample, more.subarray(0, DETECTION_SAMPLE / 2)]) };
}
