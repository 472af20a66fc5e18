/**
 * The safetensors format: a JSON header, then the data of all tensors without gaps.
 *
 * A file has eight bytes with the length of the header (little endian), the header `{"name": {"dtype", "shape", "data_offsets"}}` with an
 * optional `__metadata__` of strings, and the data. Specification: github.com/huggingface/safetensors, README, "Format".
 */
import type { FloatArray } from '../../engine/engine.ts';
import { CheckpointError } from '../../errors.ts';
import { withinJsonLimits } from '../../util/json-limits.ts';
import { malformed } from '../errors.ts';
import type { HalfPrecision } from '../stored-precision.ts';
import { type ByteSource, bytesSource } from './byte-source.ts';
import { toHalf } from './half-precision.ts';
import {
  BFLOAT16,
  FLOAT16,
  FLOAT32,
  FLOAT64,
  INT8,
  INT32,
  INT64,
  numbersIn,
  type StoredType,
  type TensorArray,
  typeToStore,
  UINT8,
} from './number-types.ts';

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: TensorArray;
}

/** A tensor to write. */
export interface TensorToStore extends StoredTensor {
  /** Makes pieces to write instead of `values`, with the same type and total length. Called only when they are written, to save memory. */
  readonly pieces?: (() => readonly TensorArray[]) | undefined;
  /** Rounds floats to this type. Default: they are stored unchanged. */
  readonly storedAs?: HalfPrecision | undefined;
}

/** The bytes of a tensor in the file, in pieces. */
export function storedBytes({ values, pieces, storedAs }: TensorToStore): Uint8Array[] {
  return (pieces?.() ?? [values]).map((piece) => {
    const { buffer, byteOffset, byteLength } = storedAs ? toHalf(piece as FloatArray, storedAs) : piece;
    return new Uint8Array(buffer, byteOffset, byteLength);
  });
}

/** A tensor in a file. Each access to `values` reads them from the file. */
export interface TensorInFile extends StoredTensor {
  readonly type: StoredType;
}

export interface Safetensors<Tensor extends StoredTensor = StoredTensor> {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Maximum bytes of a header. This allows more than 30,000 tensors with names of 60 characters, far more than any model here has. */
const MAX_HEADER = 4_500_000;
const MAX_METADATA_ENTRIES = 1000;
/** A file may have a thousand tensors, plus one for every this many bytes of its size. */
const BYTES_PER_TENSOR = 100;

/** Maximum number of JSON values at each depth: in the header, in the descriptions of tensors and the metadata, in shapes and offsets. */
function headerValues(fileSize: number): number[] {
  const tensors = 1000 + fileSize / BYTES_PER_TENSOR;
  return [tensors + 1, 3 * tensors + MAX_METADATA_ENTRIES, 6 * tensors];
}

const PREFIX = 8;
const OPENING_BRACE = 0x7b;
/** Bytes from which an error message guesses the kind of another file. */
const KIND_BYTES = 64;

/** All types of the format. No model here uses those marked `unread`, but other tensors in a file may. */
const TYPES = new Map<string, StoredType>([
  ['F64', FLOAT64],
  ['F32', FLOAT32],
  ['I64', INT64],
  ['I32', INT32],
  ['U8', UINT8],
  ['I8', INT8],
  ['F16', FLOAT16],
  ['BF16', BFLOAT16],
  ...['BOOL', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0'].map((name) => unread(name, 1)),
  ...['I16', 'U16'].map((name) => unread(name, 2)),
  unread('U32', 4),
  ...['U64', 'C64'].map((name) => unread(name, 8)),
]);

function unread(name: string, bytesPerElement: number): [string, StoredType] {
  return [name, { name, bytesPerElement }];
}

/** Yields the file in parts: the header, then the bytes of each tensor. */
export function encodeSafetensors({ tensors, metadata }: Safetensors<TensorToStore>): Iterable<Uint8Array> {
  // Wider elements come first, so that every tensor is aligned.
  const sorted = [...tensors]
    .map(([name, tensor]) => ({ name, tensor, type: typeToStore(tensor.values, tensor.storedAs) }))
    .sort((a, b) => b.type.bytesPerElement - a.type.bytesPerElement);
  const described = sorted.map(({ name, tensor: { shape, values }, type }): TensorToDescribe => {
    return { name, type, shape, bytes: values.length * type.bytesPerElement };
  });
  return parts(
    encodeHeader(described, metadata),
    sorted.map(({ tensor }) => tensor),
  );
}

interface TensorToDescribe {
  readonly name: string;
  readonly type: StoredType;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** The header of a file that has these tensors in this order. */
export function encodeHeader(
  tensors: readonly TensorToDescribe[],
  metadata: ReadonlyMap<string, string>,
): Uint8Array {
  const header: [string, unknown][] = [];
  if (metadata.size > 0) header.push(['__metadata__', Object.fromEntries(metadata)]);
  let offset = 0;
  for (const { name, type, shape, bytes } of tensors) {
    header.push([name, { dtype: dtypeOf(type), shape, data_offsets: [offset, offset + bytes] }]);
    offset += bytes;
  }
  let json = JSON.stringify(Object.fromEntries(header));
  const encoder = new TextEncoder();
  const length = encoder.encode(json).length;
  json += ' '.repeat((PREFIX - (length % PREFIX)) % PREFIX);
  const encoded = encoder.encode(json);
  const start = new Uint8Array(PREFIX + encoded.length);
  new DataView(start.buffer).setBigUint64(0, BigInt(encoded.length), true);
  start.set(encoded, PREFIX);
  return start;
}

function* parts(start: Uint8Array, tensors: readonly TensorToStore[]): Generator<Uint8Array, void, void> {
  yield start;
  for (const tensor of tensors) yield* storedBytes(tensor);
}

/** The name of a type in the header. */
function dtypeOf(wanted: StoredType): string | undefined {
  return [...TYPES].find(([, type]) => type === wanted)?.[0];
}

/** Decodes a file in memory, like `readSafetensors`. The values are copies. */
export function decodeSafetensors(bytes: Uint8Array, name: string): Safetensors<TensorInFile> {
  return readSafetensors(bytesSource(bytes), name);
}

/**
 * Reads the header of a file and checks it against the file's size. The values of tensors are read on access.
 *
 * @param name What to call the file in messages.
 * @throws {CheckpointError}
 */
export function readSafetensors(file: ByteSource, name: string): Safetensors<TensorInFile> {
  const header = readHeader(file, name);
  const tensors = new Map<string, TensorInFile>();
  for (const [tensorName, { type, shape, begin, end }] of header.tensors) {
    tensors.set(tensorName, {
      type,
      shape,
      get values() {
        return numbersIn(file.read(header.dataStart + begin, header.dataStart + end), type);
      },
    });
  }
  return { tensors, metadata: header.metadata };
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Offset of the data in the file. */
  readonly dataStart: number;
}

interface TensorEntry {
  readonly type: StoredType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Whether a file begins like a safetensors file. */
export function isSafetensors(start: Uint8Array): boolean {
  return headerEnd(start) !== undefined && start[PREFIX] === OPENING_BRACE;
}

/** Offset of the end of the header; undefined if the length is impossible. */
function headerEnd(start: Uint8Array): number | undefined {
  if (start.length < PREFIX) return undefined;
  const length = new DataView(start.buffer, start.byteOffset, PREFIX).getBigUint64(0, true);
  return length <= MAX_HEADER ? PREFIX + Number(length) : undefined;
}

/**
 * Reads only the header of a file.
 *
 * @param name What to call the file in messages.
 * @throws {CheckpointError}
 */
export function readHeader(file: ByteSource, name: string): SafetensorsHeader {
  const fileSize = file.size;
  const prefix = file.read(0, Math.min(PREFIX, fileSize));
  const start = file.read(0, Math.min(headerEnd(prefix) ?? KIND_BYTES, fileSize));
  if (fileSize === 0) throw new CheckpointError('checkpoint-empty', `${name} is empty.`);
  const dataStart = headerEnd(start);
  if (dataStart === undefined || (start.length > PREFIX && start[PREFIX] !== OPENING_BRACE)) {
    throw new CheckpointError(
      'checkpoint-other-kind',
      `${name} is not a model that this program can read: ${describeKind(start)}. ` +
        'Expected a checkpoint (.safetensors or .t7), or an .onnx or .npz that was converted from one.',
    );
  }
  if (dataStart > fileSize) throw truncated(name, dataStart, fileSize);
  const parsed = parseJson(start.subarray(PREFIX, dataStart), fileSize, name);
  const tensors = new Map<string, TensorEntry>();
  const metadata = new Map<string, string>();
  for (const [key, value] of Object.entries(parsed)) {
    if (key === '__metadata__') for (const entry of metadataEntries(value, name)) metadata.set(...entry);
    else tensors.set(key, tensorEntry(key, value, name));
  }
  checkCoverage(tensors, fileSize - dataStart, name, fileSize);
  return { tensors, metadata, dataStart };
}

function truncated(name: string, expected: number, got: number): CheckpointError {
  return new CheckpointError(
    'checkpoint-truncated',
    `${name} is cut short: it has ${got} bytes, expected ${expected}. Copy it again, or use an earlier checkpoint.`,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(bytes: Uint8Array, fileSize: number, name: string): Record<string, unknown> {
  if (!withinJsonLimits(bytes, headerValues(fileSize)))
    throw malformed(name, 'the header is not a list of tensors');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new CheckpointError(
      'checkpoint-malformed',
      `${name}: the header is not JSON. The file is damaged.`,
      {
        cause: error,
      },
    );
  }
  if (!isRecord(value)) throw malformed(name, 'the header is not a JSON object');
  return value;
}

function metadataEntries(value: unknown, name: string): [string, string][] {
  if (!isRecord(value)) throw malformed(name, '__metadata__ is not an object');
  return Object.entries(value).map(([key, text]) => {
    if (typeof text !== 'string') throw malformed(name, `__metadata__.${key} is not a string`);
    return [key, text];
  });
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function tensorEntry(key: string, value: unknown, name: string): TensorEntry {
  const where = `tensor ${JSON.stringify(key.slice(0, 80))}`;
  if (!isRecord(value)) throw malformed(name, `${where} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  const type = typeof dtype === 'string' ? TYPES.get(dtype) : undefined;
  if (!type) throw malformed(name, `${where} has an unknown type`);
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every(isSize)) {
    throw malformed(name, `${where} has no valid shape`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw malformed(name, `${where} has no valid offsets`);
  }
  const [begin, end] = offsets as [number, number];
  const size = shape.reduce((product, length) => product * length, type.bytesPerElement);
  if (begin > end || size !== end - begin)
    throw malformed(name, `${where}: its shape and its offsets disagree`);
  return { type, shape, begin, end };
}

/** Checks that the tensors fill the data without overlaps and gaps. */
function checkCoverage(
  tensors: ReadonlyMap<string, TensorEntry>,
  dataSize: number,
  name: string,
  fileSize: number,
): void {
  let at = 0;
  for (const { begin, end } of [...tensors.values()].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) throw malformed(name, 'its tensors overlap or leave gaps');
    at = end;
  }
  if (at > dataSize) throw truncated(name, fileSize - dataSize + at, fileSize);
  if (at < dataSize) throw malformed(name, `${dataSize - at} bytes follow its last tensor`);
}

/** Guesses the kind of a file that is not safetensors. */
function describeKind(start: Uint8Array): string {
  const [a, b, c, d] = start;
  if (a === 0x50 && b === 0x4b) return 'it looks like a zip archive, such as PyTorch writes';
  if (a === 4 && b === 0 && c === 0 && d === 0) return 'it looks like a Torch7 file (.t7)';
  if (a === 0x80) return 'it looks like a Python pickle';
  if (start.subarray(0, KIND_BYTES).every((byte) => byte >= 9 && byte < 0x7f)) return 'it looks like text';
  return 'its first bytes match no known format';
}
