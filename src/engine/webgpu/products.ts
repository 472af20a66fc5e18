/** Products of matrices, and sums of columns and by token: the calls of `shaders/matmul.ts` and of its companions. */
import { type Kernel, kernel } from './kernel.ts';
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
import { TOKEN_UNITS } from './shaders/token-sums.ts';
import { gradientSlices, MAX_GROUPS, OPERATIONS_PER_DISPATCH } from './tuning.ts';

/** The buffers of a product. `biases` is the vector that has the bias vectors. */
export interface ProductBuffers {
  readonly a: GPUBuffer;
  readonly b: GPUBuffer;
  readonly c: GPUBuffer;
  readonly biases?: GPUBuffer | undefined;
}

/** C = op(A) · op(B), in as many dispatches as its size needs. @param operations The maximum for one dispatch. */
export function multiply(
  recorder: Recorder,
  options: MatmulOptions,
  { a, b, c, biases }: ProductBuffers,
  sizes: MatmulSizes,
  operations = OPERATIONS_PER_DISPATCH,
): void {
  const { m, n, k } = sizes;
  const product = kernel(`matmul ${JSON.stringify(options)}`, () => matmul(options));
  const buffers = biases ? [a, b, c, biases] : [a, b, c];
  const [tileRows, tileColumns] = [Math.ceil(m / MATMUL_TILE), Math.ceil(n / MATMUL_TILE)];
  const tiles = Math.max(1, Math.floor(operations / (2 * MATMUL_TILE ** 2 * k)));
  const mostColumns = Math.min(tiles, tileColumns, MAX_GROUPS);
  const mostRows = Math.min(Math.floor(tiles / mostColumns), tileRows, MAX_GROUPS);
  for (let tileRow = 0; tileRow < tileRows; tileRow += mostRows) {
    for (let tileColumn = 0; tileColumn < tileColumns; tileColumn += mostColumns) {
      recorder.run(product, buffers, matmulNumbers({ ...sizes, tileRow, tileColumn }), [
        Math.min(mostColumns, tileColumns - tileColumn),
        Math.min(mostRows, tileRows - tileRow),
        options.slices ?? 1,
      ]);
    }
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

/** The sizes of sums over the positions of each token. `table`: the offset in the gradient. */
export interface TokenSizes {
  readonly positions: number;
  readonly units: number;
  readonly vocabularySize: number;
  readonly table: number;
}

/**
 * Sums over the positions of each token, in as many dispatches as the vocabulary needs.
 *
 * @param sums A kernel of `tokenSums`.
 * @param operations The maximum for one dispatch, where comparing a token with that of a position is one.
 */
export function sumByToken(
  recorder: Recorder,
  sums: Kernel,
  buffers: readonly GPUBuffer[],
  { positions, units, vocabularySize, table }: TokenSizes,
  operations = OPERATIONS_PER_DISPATCH,
): void {
  const unitGroups = Math.ceil(units / TOKEN_UNITS);
  const most = Math.min(MAX_GROUPS, Math.max(1, Math.floor(operations / (positions * unitGroups))));
  for (let first = 0; first < vocabularySize; first += most) {
    const numbers = [positions, units, vocabularySize, table, first];
    recorder.run(sums, buffers, numbers, [unitGroups, Math.min(most, vocabularySize - first)]);
  }
}

/** Workgroups for a thread per element, in one or two dimensions: a dimension has at most 65,535. */
export function groupsOf(elements: number, threads: number): [number, number] {
  const groups = Math.ceil(elements / threads);
  const first = Math.min(groups, 32_768);
  return [first, Math.ceil(groups / first)];
}
