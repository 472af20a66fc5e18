/**
 * NumPy's file of one array: magic number, version, 16 bits with the length of the header, the header (a Python literal), the numbers.
 * Specification: numpy.lib.format, version 1.0.
 */

import { malformed } from '../../checkpoint/errors.ts';
import {
  FLOAT16,
  FLOAT32,
  FLOAT64,
  INT32,
  INT64,
  numbersIn,
  type StoredType,
  typeToStore,
  UINT8,
} from '../../checkpoint/safetensors/number-types.ts';
import {
  storedBytes,
  type TensorInFile,
  type TensorToStore,
} from '../../checkpoint/safetensors/safetensors.ts';
import { CheckpointError } from '../../errors.ts';
import { latin1 } from '../../util/bytes.ts';

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0);
const PREFIX = MAGIC.length + 2;
/** The numbers start at a multiple of this many bytes. */
const ALIGNMENT = 64;

const TYPES = new Map<string, StoredType>([
  ['<f8', FLOAT64],
  ['<f4', FLOAT32],
  ['<i8', INT64],
  ['<i4', INT32],
  ['|u1', UINT8],
  ['<f2', FLOAT16],
]);

/** The header of version 1.0. White space and the last comma may differ. */
const HEADER =
  /^\{'descr': '([<>|][a-zA-Z]\d{0,9})', 'fortran_order': (False|True), 'shape': \(([\d, ]{0,200})\),? ?\} *\n$/;

/** The file in parts: the header and the bytes of the array. */
export function encodeNpy(tensor: TensorToStore): Uint8Array[] {
  const { shape, values, storedAs } = tensor;
  const wanted = typeToStore(values, storedAs);
  const descr = [...TYPES].find(([, type]) => type === wanted)?.[0];
  // In Python, a tuple of one element needs a comma.
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const size = Math.ceil((PREFIX + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const start = new Uint8Array(size).fill(0x20);
  start.set(MAGIC);
  new DataView(start.buffer).setUint16(MAGIC.length, size - PREFIX, true);
  start.set(new TextEncoder().encode(text), PREFIX);
  start[size - 1] = 0x0a;
  return [start, ...storedBytes(tensor)];
}

/**
 * Decodes the array in a file. Each access to `values` makes a copy.
 *
 * @param where What to call the file in messages.
 * @throws {CheckpointError}
 */
export function decodeNpy(bytes: Uint8Array, where: string): TensorInFile {
  if (bytes.length < PREFIX || MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw new CheckpointError('checkpoint-other-kind', `${where} is not a NumPy array in format 1.0.`);
  }
  const start = PREFIX + new DataView(bytes.buffer, bytes.byteOffset).getUint16(MAGIC.length, true);
  if (start > bytes.length) throw malformed(where, 'its header is longer than the file');
  const match = HEADER.exec(latin1(bytes.subarray(PREFIX, start)));
  if (!match) throw malformed(where, 'its header is not what numpy.save writes');
  const [, descr = '', order, dimensions = ''] = match;
  const type = TYPES.get(descr);
  const shape = dimensions.split(/,\s*/).filter(Boolean).map(Number);
  if (!type || (order === 'True' && shape.length > 1)) {
    throw new CheckpointError(
      'checkpoint-other-kind',
      `${where} has the type ${descr}${order === 'True' ? ' in column-major order' : ''}, expected f8, f4, f2, i8, i4 or u1, little endian, in row-major order.`,
    );
  }
  const size = shape.reduce((product, length) => product * length, type.bytesPerElement);
  if (size !== bytes.length - start) throw malformed(where, 'its shape and its size disagree');
  return {
    type,
    shape,
    get values() {
      return numbersIn(new Uint8Array(bytes.subarray(start)), type);
    },
  };
}
