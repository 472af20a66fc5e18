/** Views of tensors as matrices. Rows, columns and transposes are views too, without copies. */
import type { Precision } from '../../../engine/engine.ts';
import { floatReader, precisionOf } from '../elements.ts';
import { malformed, unsupported } from '../errors.ts';
import type { Value } from '../values.ts';
import { tensorOf } from './fields.ts';

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly precision: Precision;
  readonly offset: number;
  readonly rowStride: number;
  readonly columnStride: number;
  /** The number at an index of the storage. */
  readonly read: (index: number) => number;
}

/**
 * A view of a tensor with one or two axes. A single axis becomes a column.
 *
 * @throws {Torch7Fault} for any other value, for integers, and for a view that exceeds its storage
 */
export function matrixOf(value: Value, where: string): Matrix {
  const { sizes, strides, offset, storage } = tensorOf(value, where);
  const [rows = 0, columns = 1] = sizes;
  const [rowStride = 1, columnStride = 1] = strides;
  if (sizes.length < 1 || sizes.length > 2 || rows < 1 || columns < 1 || !storage)
    throw malformed(`${where} has the sizes [${sizes.join(', ')}], expected one or two, each at least 1`);
  const precision = precisionOf(storage.element);
  if (!precision) throw unsupported(`${where} is in a ${storage.className}, expected floating-point numbers`);
  const first = offset - 1;
  const last = first + (rows - 1) * rowStride + (columns - 1) * columnStride;
  const { length } = storage;
  if (rowStride < 0 || columnStride < 0 || first < 0 || last >= length || rows * columns > length)
    throw malformed(`${where} is a view of elements ${first} to ${last} of a storage of ${length}`);
  const read = floatReader(storage.element, storage.bytes);
  return { rows, columns, precision, offset: first, rowStride, columnStride, read };
}

export function transposed(matrix: Matrix): Matrix {
  const { rows, columns, rowStride, columnStride } = matrix;
  return { ...matrix, rows: columns, columns: rows, rowStride: columnStride, columnStride: rowStride };
}

/** A range of rows. */
export function rowsOf(matrix: Matrix, start: number, count: number, where: string): Matrix {
  const whole = Number.isSafeInteger(start) && Number.isSafeInteger(count);
  if (!whole || start < 0 || count < 1 || start + count > matrix.rows)
    throw malformed(`${where} has ${matrix.rows} rows, rows ${start} to ${start + count - 1} were expected`);
  return { ...matrix, offset: matrix.offset + start * matrix.rowStride, rows: count };
}

/** A range of columns. */
export function columnsOf(matrix: Matrix, start: number, count: number, where: string): Matrix {
  return transposed(rowsOf(transposed(matrix), start, count, where));
}

export function elementOf(matrix: Matrix, row: number, column: number): number {
  return matrix.read(matrix.offset + row * matrix.rowStride + column * matrix.columnStride);
}

/** The first column as an array. */
export function columnOf(matrix: Matrix): Float64Array {
  return Float64Array.from({ length: matrix.rows }, (_, row) => elementOf(matrix, row, 0));
}
