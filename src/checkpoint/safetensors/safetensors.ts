/**
 * The safetensors format: a header in JSON, then the numbers of all tensors without holes.
 *
 * Eight bytes with the header's length (little endian), the header `{"name": {"dtype", "shape", "data_offsets"}}` with an
 * optional `__metadata__` of strings, then the data. Format: github.com/huggingface/safetensors, README, "Format".
 */
import { CheckpointError } from '../../errors.ts';
import { withinJsonLimits } from '../../util/json-limits.ts';
import { malformed } from '../errors.ts';
import { type ByteSource, bytesSource } from './byte-source.ts';
import {
  BFLOAT16,
  FLOAT16,
  FLOAT32,
  FLOAT64,
  INT32,
  INT64,
  isStoredAs,
  numbersIn,
  type StoredType,
  type TensorArray,
  UINT8,
} from './number-types.ts';

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: TensorArray;
}

/** A tensor to be written. */
export interface TensorToStore extends StoredTensor {
  /** What is written instead of `values`: pieces, together as many of the same type. Asked for when they are due, and dropped at once. */
  readonly pieces?: (() => readonly TensorArray[]) | undefined;
}

/** A tensor's bytes as they are written, in pieces. */
export function storedBytes({ values, pieces }: TensorToStore): Uint8Array[] {
  return (pieces?.() ?? [values]).map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
}

/** A tensor of a file. Its values are read from there each time that they are asked for. */
export interface TensorInFile extends StoredTensor {
  readonly type: StoredType;
}

export interface Safetensors<Tensor extends StoredTensor = StoredTensor> {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** With names of 60 characters more than 30,000 tensors, far more than any model here has, and little enough to parse at once. */
const LONGEST_HEADER = 4_500_000;
const MOST_METADATA = 1000;
/** With its description a tensor takes more of a file: a thousand may take less. */
const LEAST_TENSOR_BYTES = 100;

/** Values in a header; in all descriptions of tensors, three each, and the metadata; in their shapes and offsets. */
function headerValues(fileSize: number): number[] {
  const tensors = 1000 + fileSize / LEAST_TENSOR_BYTES;
  return [tensors + 1, 3 * tensors + MOST_METADATA, 6 * tensors];
}

const PREFIX = 8;
const OPENING_BRACE = 0x7b;
/** Bytes by which the kind of a file that is no safetensors is told. */
const LONGEST_GLANCE = 64;

/** All types of the format. No model here uses the second half, but a file may hold other tensors that do. */
const TYPES = new Map<string, StoredType>([
  ['F64', FLOAT64],
  ['F32', FLOAT32],
  ['I64', INT64],
  ['I32', INT32],
  ['U8', UINT8],
  ['F16', FLOAT16],
  ['BF16', BFLOAT16],
  ...['BOOL', 'I8', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0'].map((name) => unread(name, 1)),
  ...['I16', 'U16'].map((name) => unread(name, 2)),
  unread('U32', 4),
  ...['U64', 'C64'].map((name) => unread(name, 8)),
]);

function unread(name: string, bytesPerElement: number): [string, StoredType] {
  return [name, { name, bytesPerElement }];
}

/** The file in parts, to be written one after the other: the header, then each tensor's own bytes. */
export function encodeSafetensors({ tensors, metadata }: Safetensors<TensorToStore>): Iterable<Uint8Array> {
  const header: [string, unknown][] = [];
  if (metadata.size > 0) header.push(['__metadata__', Object.fromEntries(metadata)]);
  // Wider elements first, so that every tensor is aligned.
  const sorted = [...tensors].sort(([, a], [, b]) => b.values.BYTES_PER_ELEMENT - a.values.BYTES_PER_ELEMENT);
  let offset = 0;
  for (const [name, { shape, values }] of sorted) {
    const end = offset + values.byteLength;
    header.push([name, { dtype: dtypeOf(values), shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  let json = JSON.stringify(Object.fromEntries(header));
  const encoder = new TextEncoder();
  const length = encoder.encode(json).length;
  json += ' '.repeat((PREFIX - (length % PREFIX)) % PREFIX);
  const encoded = encoder.encode(json);
  const start = new Uint8Array(PREFIX + encoded.length);
  new DataView(start.buffer).setBigUint64(0, BigInt(encoded.length), true);
  start.set(encoded, PREFIX);
  return parts(
    start,
    sorted.map(([, tensor]) => tensor),
  );
}

function* parts(start: Uint8Array, tensors: readonly TensorToStore[]): Generator<Uint8Array, void, void> {
  yield start;
  for (const tensor of tensors) yield* storedBytes(tensor);
}

function dtypeOf(values: TensorArray): string {
  for (const [dtype, type] of TYPES) if (isStoredAs(values, type)) return dtype;
  throw new TypeError('a tensor of this type of numbers can not be stored');
}

/** The tensors of a file that is in memory; the numbers are copies. As `readSafetensors`. */
export function decodeSafetensors(bytes: Uint8Array, name: string): Safetensors<TensorInFile> {
  return readSafetensors(bytesSource(bytes), name);
}

/**
 * The tensors of a file. Nothing is believed before it was checked against the file's size, and no more is read than the header.
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
  readonly tensors: ReadonlyMap<string, TensorPlace>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Offset in the file at which the data starts. */
  readonly dataStart: number;
}

interface TensorPlace {
  readonly type: StoredType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Whether a file begins as this format does. */
export function isSafetensors(start: Uint8Array): boolean {
  return headerEnd(start) !== undefined && start[PREFIX] === OPENING_BRACE;
}

/** Bytes from the start of a file that hold its header; undefined where the length can't be one. */
function headerEnd(start: Uint8Array): number | undefined {
  if (start.length < PREFIX) return undefined;
  const length = new DataView(start.buffer, start.byteOffset, PREFIX).getBigUint64(0, true);
  return length <= LONGEST_HEADER ? PREFIX + Number(length) : undefined;
}

/**
 * The header of a file, of which nothing else is read.
 *
 * @param name What to call the file in messages.
 * @throws {CheckpointError}
 */
export function readHeader(file: ByteSource, name: string): SafetensorsHeader {
  const fileSize = file.size;
  const prefix = file.read(0, Math.min(PREFIX, fileSize));
  const start = file.read(0, Math.min(headerEnd(prefix) ?? LONGEST_GLANCE, fileSize));
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
  const tensors = new Map<string, TensorPlace>();
  const metadata = new Map<string, string>();
  for (const [key, value] of Object.entries(parsed)) {
    if (key === '__metadata__') for (const entry of metadataEntries(value, name)) metadata.set(...entry);
    else tensors.set(key, tensorPlace(key, value, name));
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

function tensorPlace(key: string, value: unknown, name: string): TensorPlace {
  const where = `tensor ${JSON.stringify(key.slice(0, 80))}`;
  if (!isRecord(value)) throw malformed(name, `${where} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  const type = typeof dtype === 'string' ? TYPES.get(dtype) : undefined;
  if (!type) throw malformed(name, `${where} has a type that safetensors does not have`);
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

/** The tensors follow each other without overlaps and holes, and fill the data. */
function checkCoverage(
  tensors: ReadonlyMap<string, TensorPlace>,
  dataSize: number,
  name: string,
  fileSize: number,
): void {
  let at = 0;
  for (const { begin, end } of [...tensors.values()].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) throw malformed(name, 'its tensors overlap or leave holes');
    at = end;
  }
  if (at > dataSize) throw truncated(name, fileSize - dataSize + at, fileSize);
  if (at < dataSize) throw malformed(name, `${dataSize - at} bytes follow its last tensor`);
}

/** What a file that is no safetensors looks like. */
function describeKind(start: Uint8Array): string {
  const [a, b, c, d] = start;
  if (a === 0x50 && b === 0x4b) return 'it looks like a zip archive, as PyTorch writes';
  if (a === 4 && b === 0 && c === 0 && d === 0) return 'it looks like a Torch7 file (.t7)';
  if (a === 0x80) return 'it looks like a Python pickle';
  if (start.subarray(0, LONGEST_GLANCE).every((byte) => byte >= 9 && byte < 0x7f))
    return 'it looks like text';
  return 'its first bytes are of no known kind';
}
