/** Products of matrices and sums of columns: the calls of `shaders/matmul.ts` and of its companions. */
import { kernel } from './kernel.ts';
import type { Recorder } from './recorder.ts';
import { COLUMN_SLICES, COLUMN_SUMS, COLUMNS_OF_GROUP } from './shaders/column-sums.ts';
import {
  MATMUL_TILE,
  type MatmulOptions,
  type MatmulSizes,
  matmul,
  matmulNumbers,
  SUM_SLICES,
} from './shaders/matmul.ts';
import { gradientSlices, OPERATIONS_PER_DISPATCH } from './tuning.ts';

/** The buffers of a product. `biases` is the vector that has the bias vectors. */
export interface ProductBuffers {
  readonly a: GPUBuffer;
  readonly b: GPUBuffer;
  readonly c: GPUBuffer;
  readonly biases?: GPUBuffer | undefined;
}

/** C = op(A) · op(B), in as many dispatches as its length needs. @param operations The maximum for one dispatch. */
export function multiply(
  recorder: Recorder,
  options: MatmulOptions,
  { a, b, c, biases }: ProductBuffers,
  sizes: MatmulSizes,
  operations = OPERATIONS_PER_DISPATCH,
): void {
  const { m, n, k } = sizes;
  const slices = options.slices ?? 1;
  const product = kernel(`matmul ${JSON.stringify(options)}`, () => matmul(options));
  const tiles = Math.ceil(m / MATMUL_TILE);
  const operationsOfTile = 2 * MATMUL_TILE * n * k;
  const most = Math.max(1, Math.floor(operations / operationsOfTile));
  for (let tile = 0; tile < tiles; tile += most) {
    const count = Math.min(most, tiles - tile);
    recorder.run(product, biases ? [a, b, c, biases] : [a, b, c], matmulNumbers({ ...sizes, tile }), [
      Math.ceil(n / MATMUL_TILE),
      count,
      slices,
    ]);
  }
}

/**
 * C = Aᵀ · B, summed over all positions: the gradient of a matrix of weights [m, n], from the gradients of its outputs and from its inputs.
 * The sum over positions is cut into slices, so that a small matrix has enough workgroups.
 */
export function multiplyPositions(
  recorder: Recorder,
  gates: MatmulOptions['gates'],
  { a, b, c }: ProductBuffers,
  { offsetC = 0, ...sizes }: Omit<MatmulSizes, 'rowC'>,
): void {
  const { m, n } = sizes;
  const slices = gradientSlices(m, n);
  if (slices === 1) {
    multiply(recorder, { transposeA: true, gates }, { a, b, c }, { ...sizes, offsetC, rowC: n });
    return;
  }
  const partial = recorder.scratch('slices', slices * m * n * 4);
  multiply(recorder, { transposeA: true, slices, gates }, { a, b, c: partial }, { ...sizes, rowC: n });
  sumSlices(recorder, partial, slices, { into: c, offset: offsetC, size: m * n });
}

/** Adds the slices of sums [slices, size], in their order. */
export function sumSlices(
  recorder: Recorder,
  sums: GPUBuffer,
  slices: number,
  { into, offset, size }: { readonly into: GPUBuffer; readonly offset: number; readonly size: number },
): void {
  recorder.run(
    kernel('sum slices', () => SUM_SLICES),
    [sums, into],
    [size, slices, offset],
    groupsOf(size, 256),
  );
}

/** The sums of the columns of values [rows, columns]; several for each column, which the caller adds. */
export function columnSums(recorder: Recorder, values: GPUBuffer, rows: number, columns: number): GPUBuffer {
  const sums = recorder.scratch('column sums', COLUMN_SLICES * columns * 4);
  recorder.run(
    kernel('column sums', () => COLUMN_SUMS),
    [values, sums],
    [rows, columns],
    [Math.ceil(columns / COLUMNS_OF_GROUP), COLUMN_SLICES],
  );
  return sums;
}

/** Workgroups for a thread per element, in one or two dimensions: a dimension has at most 65,535. */
export function groupsOf(elements: number, threads: number): [number, number] {
  const groups = Math.ceil(elements / threads);
  const first = Math.min(groups, 32_768);
  return [first, Math.ceil(groups / first)];
}
