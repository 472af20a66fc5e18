/**
 * Zip archives with uncompressed ("stored") entries, as `numpy.savez` writes.
 *
 * Each entry has a local header and its bytes. A directory of all entries and an end record follow. Compressed entries are not supported, so
 * an archive can't take more memory than its file. Specification: PKWARE's APPNOTE.TXT, section 4.3.
 */

import { malformed } from '../../checkpoint/errors.ts';
import { CheckpointError } from '../../errors.ts';
import { crc32 } from '../../util/crc.ts';

const LOCAL_SIGNATURE = 0x04034b50;
const DIRECTORY_SIGNATURE = 0x02014b50;
const WIDE_LOCATOR_SIGNATURE = 0x07064b50;
const END_SIGNATURE = 0x06054b50;
const LOCAL_SIZE = 30;
const DIRECTORY_SIZE = 46;
/** Size of the 64-bit extension's end record and locator, which PyTorch writes before the plain end record of every file. */
const WIDE_END_SIZE = 76;
const WIDE_LOCATOR_SIZE = 20;
const END_SIZE = 22;
/** Version 2.0, the minimum for plain entries. */
const VERSION = 20;
const ENCRYPTED = 1;
const UTF8_NAME = 0x800;
const STORED = 0;
/** 1 January 1980. A constant, so that the same entries give the same bytes. */
const DATE = 0x21;
/** Larger sizes and more entries would need the 64-bit extension. */
const MAX_SIZE = 2 ** 32 - 2;
const MAX_ENTRIES = 2 ** 16 - 2;

/** The facts about an entry in the local header and the directory. */
interface Facts {
  readonly name: Uint8Array;
  readonly size: number;
  readonly sum: number;
  readonly offset: number;
}

/** Whether a file begins like a zip archive with entries. */
export function isZip(start: Uint8Array): boolean {
  return start.length >= 4 && viewOf(start).getUint32(0, true) === LOCAL_SIGNATURE;
}

/**
 * Encodes an archive in parts.
 *
 * @param entries The contents of each entry, in parts, by name.
 * @throws {CheckpointError} `checkpoint-not-convertible` if it is too large
 */
export function encodeZip(entries: ReadonlyMap<string, readonly Uint8Array[]>): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, content] of entries) {
    const facts = {
      name: new TextEncoder().encode(name),
      size: content.reduce((sum, { length }) => sum + length, 0),
      sum: crc32(...content),
      offset,
    };
    parts.push(localHeader(facts), ...content);
    directory.push(directoryHeader(facts));
    offset += LOCAL_SIZE + facts.name.length + facts.size;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  if (offset + size > MAX_SIZE || entries.size > MAX_ENTRIES) {
    throw new CheckpointError(
      'checkpoint-not-convertible',
      'the model is too large for an .npz file, which can hold at most 4 GB. Convert it to .safetensors.',
    );
  }
  return [...parts, ...directory, endRecord(entries.size, size, offset)];
}

/**
 * Decodes an archive. The entries, by name, are views of its bytes.
 *
 * @param file What to call it in messages.
 * @throws {CheckpointError}
 */
export function decodeZip(bytes: Uint8Array, file: string): Map<string, Uint8Array> {
  const view = viewOf(bytes);
  const end = bytes.length - END_SIZE;
  if (end < 0 || view.getUint32(end, true) !== END_SIGNATURE) {
    throw new CheckpointError(
      'checkpoint-truncated',
      `${file} is cut short: it is a zip archive without its end. Copy it again, or use an earlier checkpoint.`,
    );
  }
  const count = view.getUint16(end + 10, true);
  const start = view.getUint32(end + 16, true);
  const directoryEnd = start + view.getUint32(end + 12, true);
  if (directoryEnd !== end - wideEndSize(view, end) || start + count * DIRECTORY_SIZE > directoryEnd) {
    throw malformed(file, 'its directory is not where it should be');
  }
  const entries = new Map<string, Uint8Array>();
  let at = start;
  let total = 0;
  for (let index = 0; index < count; index++) {
    if (at + DIRECTORY_SIZE > directoryEnd || view.getUint32(at, true) !== DIRECTORY_SIGNATURE) {
      throw malformed(file, `entry ${index} of its directory is damaged`);
    }
    const nameLength = view.getUint16(at + 28, true);
    const next =
      at + DIRECTORY_SIZE + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > directoryEnd) throw malformed(file, `entry ${index} of its directory is damaged`);
    const name = nameOf(bytes.subarray(at + DIRECTORY_SIZE, at + DIRECTORY_SIZE + nameLength), file);
    if (entries.has(name)) throw malformed(file, `it has two entries ${name}`);
    const content = entryOf(bytes, at, start, `${file}: ${name}`);
    // Overlapping entries would make the checksums take quadratic time.
    total += content.length;
    if (total > start) throw malformed(file, 'its entries overlap');
    if (crc32(content) !== view.getUint32(at + 16, true))
      throw malformed(`${file}: ${name}`, 'its checksum is wrong');
    entries.set(name, content);
    at = next;
  }
  return entries;
}

/** Size of the 64-bit extension's records before the end record at `end`. Up to 4 GB, they only repeat its contents. */
function wideEndSize(view: DataView, end: number): number {
  const locator = end - WIDE_LOCATOR_SIZE;
  return locator >= 0 && view.getUint32(locator, true) === WIDE_LOCATOR_SIGNATURE ? WIDE_END_SIZE : 0;
}

/** The bytes of the entry whose directory header is at `at`. All entries are before `start`. */
function entryOf(bytes: Uint8Array, at: number, start: number, where: string): Uint8Array {
  const view = viewOf(bytes);
  const method = view.getUint16(at + 10, true);
  if (method !== STORED || view.getUint16(at + 8, true) & ENCRYPTED) {
    throw new CheckpointError(
      'checkpoint-other-kind',
      `${where} is compressed or encrypted, expected uncompressed entries.`,
      { remedies: [{ text: 'In Python, save the arrays with numpy.savez, not with savez_compressed' }] },
    );
  }
  const size = view.getUint32(at + 24, true);
  const local = view.getUint32(at + 42, true);
  if (local + LOCAL_SIZE > start || view.getUint32(local, true) !== LOCAL_SIGNATURE) {
    throw malformed(where, 'it is not where the directory says');
  }
  const begin = local + LOCAL_SIZE + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (begin + size > start || view.getUint32(at + 20, true) !== size) {
    throw malformed(where, 'its size is wrong');
  }
  return bytes.subarray(begin, begin + size);
}

function nameOf(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed(file, 'the name of an entry is not UTF-8');
  }
}

function localHeader({ name, size, sum }: Facts): Uint8Array {
  const header = new Uint8Array(LOCAL_SIZE + name.length);
  const view = viewOf(header);
  view.setUint32(0, LOCAL_SIGNATURE, true);
  setCommon(view, 4, { size, sum }, name.length);
  header.set(name, LOCAL_SIZE);
  return header;
}

function directoryHeader({ name, size, sum, offset }: Facts): Uint8Array {
  const header = new Uint8Array(DIRECTORY_SIZE + name.length);
  const view = viewOf(header);
  view.setUint32(0, DIRECTORY_SIGNATURE, true);
  view.setUint16(4, VERSION, true);
  setCommon(view, 6, { size, sum }, name.length);
  view.setUint32(42, offset, true);
  header.set(name, DIRECTORY_SIZE);
  return header;
}

/** Writes the fields that both headers share: version, flags, method, time, date, checksum, both sizes, length of the name. */
function setCommon(
  view: DataView,
  at: number,
  { size, sum }: Pick<Facts, 'size' | 'sum'>,
  nameLength: number,
) {
  view.setUint16(at, VERSION, true);
  view.setUint16(at + 2, UTF8_NAME, true);
  view.setUint16(at + 4, STORED, true);
  view.setUint16(at + 8, DATE, true);
  view.setUint32(at + 10, sum, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, nameLength, true);
}

function endRecord(count: number, size: number, offset: number): Uint8Array {
  const record = new Uint8Array(END_SIZE);
  const view = viewOf(record);
  view.setUint32(0, END_SIGNATURE, true);
  view.setUint16(8, count, true);
  view.setUint16(10, count, true);
  view.setUint32(12, size, true);
  view.setUint32(16, offset, true);
  return record;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
