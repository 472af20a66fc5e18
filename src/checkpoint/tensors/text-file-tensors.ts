/** Stores the paths, sizes and hashes of a run's text files as tensors, because a text may have tens of thousands of files. */
import { encodingOf } from '../../data/encoding/encodings.ts';
import { type FileFacts, TEXT_ROLES, type TextRole } from '../../data/files/known-text.ts';
import { hexOf } from '../../util/hash.ts';
import { malformed } from '../errors.ts';
import type { TensorInFile, TensorToStore } from '../safetensors/safetensors.ts';
import { oneTensor, safeIntegers, typedTensor } from './tensors.ts';

const PATHS = 'train.files.paths';
const BYTES = 'train.files.bytes';
const HASHES = 'train.files.sha256';
const ENCODINGS = 'train.files.encodings';
const COUNTS = 'train.files.counts';
/** Bytes of a SHA-256. */
const HASH_BYTES = 32;

export type FilesByRole = Readonly<Partial<Record<TextRole, readonly FileFacts[] | undefined>>>;

/**
 * `train.files.paths`: each path in UTF-8, followed by a NUL. `train.files.bytes` [files]. `train.files.sha256` [files, 32].
 * `train.files.encodings`: the detected encoding of each file (empty for UTF-8), followed by a NUL; absent if all files are UTF-8.
 * `train.files.counts` [3]: numbers of files of the main, validation and test texts. The other tensors list files in this order.
 */
export function filesTensors(texts: FilesByRole): [string, TensorToStore][] {
  const files = TEXT_ROLES.flatMap((role) => texts[role] ?? []);
  if (files.length === 0) return [];
  const paths = nulEnded(files.map(({ path }) => path));
  const bytes = BigInt64Array.from(files, (file) => BigInt(file.bytes));
  const hashes = new Uint8Array(files.length * HASH_BYTES);
  for (const [index, { sha256 }] of files.entries()) hashes.set(bytesOfHex(sha256), index * HASH_BYTES);
  const counts = BigInt64Array.from(TEXT_ROLES, (role) => BigInt(texts[role]?.length ?? 0));
  return [
    oneTensor(PATHS, paths),
    oneTensor(BYTES, bytes),
    oneTensor(HASHES, hashes, [files.length, HASH_BYTES]),
    oneTensor(COUNTS, counts),
    ...(files.some(({ encoding }) => encoding !== undefined)
      ? [oneTensor(ENCODINGS, nulEnded(files.map(({ encoding = '' }) => encoding)))]
      : []),
  ];
}

/**
 * The inverse; empty for a checkpoint without these tensors.
 *
 * @throws {CheckpointError} `checkpoint-malformed`
 */
export function decodeFiles(tensors: ReadonlyMap<string, TensorInFile>, file: string): FilesByRole {
  if (!tensors.has(COUNTS)) return {};
  const integers = (name: string, length: number | null) =>
    safeIntegers(typedTensor(tensors, name, [length], BigInt64Array, file), name, file);
  const counts = integers(COUNTS, TEXT_ROLES.length);
  const sizes = integers(BYTES, null);
  const hashes = typedTensor(tensors, HASHES, [sizes.length, HASH_BYTES], Uint8Array, file);
  const paths = decodePaths(typedTensor(tensors, PATHS, [null], Uint8Array, file), file);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const isSound =
    total === sizes.length && paths.length === total && [...counts, ...sizes].every((value) => value >= 0);
  if (!isSound) throw malformed(file, 'its list of text files is inconsistent');
  const encodings = tensors.has(ENCODINGS)
    ? decodeEncodings(typedTensor(tensors, ENCODINGS, [null], Uint8Array, file), total, file)
    : undefined;
  const files = paths.map((path, index) => ({
    path,
    bytes: sizes[index] as number,
    sha256: hexOf(hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)),
    ...(encodings?.[index] && { encoding: encodings[index] }),
  }));
  const texts: Partial<Record<TextRole, readonly FileFacts[]>> = {};
  let start = 0;
  for (const [index, role] of TEXT_ROLES.entries()) {
    const count = counts[index] as number;
    if (count > 0) texts[role] = files.slice(start, start + count);
    start += count;
  }
  return texts;
}

function decodeEncodings(bytes: Uint8Array, count: number, file: string): string[] {
  const what = 'the encodings of its text';
  const names = wordsIn(bytes, what, file);
  const isSound = names.length === count && names.every((name) => name === '' || encodingOf(name) === name);
  if (!isSound) throw malformed(file, `${what} are not as expected`);
  return names;
}

function decodePaths(bytes: Uint8Array, file: string): string[] {
  const what = 'the paths of its text';
  const paths = wordsIn(bytes, what, file);
  if (paths.includes('')) throw malformed(file, `${what} are not as expected`);
  return paths;
}

/** Each word in UTF-8, followed by a NUL. */
function nulEnded(words: readonly string[]): Uint8Array {
  return new TextEncoder().encode(words.map((word) => `${word}\0`).join(''));
}

/** The inverse. @param what What to call the words in messages. */
function wordsIn(bytes: Uint8Array, what: string, file: string): string[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed(file, `${what} are not UTF-8`);
  }
  const words = text.split('\0');
  if (words.pop() !== '') throw malformed(file, `${what} are not as expected`);
  return words;
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: HASH_BYTES }, (_, at) =>
    Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16),
  );
}
