/** The files of a run's texts in a checkpoint: their paths, sizes and hashes as tensors, since a text may have 10,000s of them. */
import { encodingOf } from '../data/encodings.ts';
import { type FileFacts, TEXT_ROLES, type TextRole } from '../data/known-text.ts';
import { oneTensor, safeIntegers, typedTensor } from './checkpoint-tensors.ts';
import { malformed } from './errors.ts';
import type { TensorInFile, TensorToStore } from './safetensors.ts';

const PATHS = 'train.files.paths';
const BYTES = 'train.files.bytes';
const HASHES = 'train.files.sha256';
const ENCODINGS = 'train.files.encodings';
const COUNTS = 'train.files.counts';
/** Bytes of a SHA-256. */
const HASH_BYTES = 32;

export type FilesByRole = Readonly<Partial<Record<TextRole, readonly FileFacts[] | undefined>>>;

/**
 * `train.files.paths`: each path in UTF-8 with a NUL after it. `train.files.bytes` [files]. `train.files.sha256` [files, 32].
 * `train.files.encodings`: the encoding that was found for each file, with a NUL after it, empty for UTF-8; absent where all are UTF-8.
 * `train.files.counts` [3]: files of the main text, of the validation text, of the test text, in this order in the others.
 */
export function filesTensors(texts: FilesByRole): [string, TensorToStore][] {
  const files = TEXT_ROLES.flatMap((role) => texts[role] ?? []);
  if (files.length === 0) return [];
  const paths = new TextEncoder().encode(files.map(({ path }) => `${path}\0`).join(''));
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
      ? [oneTensor(ENCODINGS, encodingBytes(files))]
      : []),
  ];
}

/**
 * The way back; empty for a checkpoint without them.
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
  if (!isSound) throw malformed(file, 'the files of its text are not as expected');
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

function encodingBytes(files: readonly FileFacts[]): Uint8Array {
  return new TextEncoder().encode(files.map(({ encoding = '' }) => `${encoding}\0`).join(''));
}

function decodeEncodings(bytes: Uint8Array, count: number, file: string): string[] {
  const names = new TextDecoder().decode(bytes).split('\0');
  const isSound =
    names.length === count + 1 && names.every((name) => name === '' || encodingOf(name) === name);
  if (!isSound) throw malformed(file, 'the encodings of its text are not as expected');
  return names.slice(0, count);
}

function decodePaths(bytes: Uint8Array, file: string): string[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed(file, 'a path of its text is not UTF-8');
  }
  const paths = text.split('\0');
  if (paths.pop() !== '' || paths.includes(''))
    throw malformed(file, 'the paths of its text are not as expected');
  return paths;
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: HASH_BYTES }, (_, at) =>
    Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16),
  );
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
