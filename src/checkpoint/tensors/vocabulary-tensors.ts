/** Encodes and decodes the symbols of a vocabulary as tensors. */
import type { TokenKind, Vocabulary } from '../../data/vocabulary.ts';
import { joinBytes } from '../../util/bytes.ts';
import { malformed } from '../errors.ts';
import type { TensorInFile, TensorToStore } from '../safetensors/safetensors.ts';
import { oneTensor, safeIntegers, typedTensor } from './tensors.ts';

type Tensors = ReadonlyMap<string, TensorInFile>;

/** The symbols of a byte vocabulary, one byte each. */
export const BYTE_VALUES = 'vocabulary.values';
/** The symbols of any other vocabulary in UTF-8, joined. */
export const SYMBOL_BYTES = 'vocabulary.bytes';
/** The offset of each symbol in these bytes, and the end. */
const SYMBOL_OFFSETS = 'vocabulary.offsets';

export function vocabularyTensors(vocabulary: Vocabulary): [string, TensorToStore][] {
  const pieces = vocabulary.symbols.map((_, token) => vocabulary.bytesOf(token));
  const bytes = joinBytes(pieces);
  if (vocabulary.kind === 'byte') return [oneTensor(BYTE_VALUES, bytes)];
  const offsets = [0n];
  for (const piece of pieces) offsets.push((offsets.at(-1) as bigint) + BigInt(piece.length));
  return [oneTensor(SYMBOL_BYTES, bytes), oneTensor(SYMBOL_OFFSETS, BigInt64Array.from(offsets))];
}

/** @throws {CheckpointError} `checkpoint-malformed` */
export function symbolsOf(kind: TokenKind, tensors: Tensors, file: string): string[] {
  if (kind !== 'byte') return decodeSymbols(tensors, file);
  const values = typedTensor(tensors, BYTE_VALUES, [null], Uint8Array, file);
  return Array.from(values, (byte) => String.fromCharCode(byte));
}

function decodeSymbols(tensors: Tensors, file: string): string[] {
  const bytes = typedTensor(tensors, SYMBOL_BYTES, [null], Uint8Array, file);
  const stored = typedTensor(tensors, SYMBOL_OFFSETS, [null], BigInt64Array, file);
  const offsets = safeIntegers(stored, SYMBOL_OFFSETS, file);
  const ascending = offsets.every((offset, index) => index === 0 || offset > (offsets[index - 1] as number));
  if (offsets[0] !== 0 || offsets.at(-1) !== bytes.length || !ascending) {
    throw malformed(file, "the offsets of the vocabulary's symbols are wrong");
  }
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return offsets.slice(1).map((end, index) => decoder.decode(bytes.subarray(offsets[index], end)));
  } catch {
    throw malformed(file, 'a symbol of the vocabulary is not UTF-8');
  }
}
