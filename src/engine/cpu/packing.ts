/**
 * The memory layout of the kernels (native/kernels/matrix.h).
 *
 * A matrix of R rows and N columns is stored in ⌈N/16⌉ panels, each [R][16]. The last panel is padded with zeros. A weight matrix [G·N, K]
 * is stored transposed, gate by gate: panels of 16 units, each [K][16].
 */
import { cellFacts, gateCount } from '../cells.ts';
import {
  type Layout,
  type Module,
  type ParameterSlice,
  parameterSlices,
  type RecurrentModule,
} from '../layout.ts';
import { sizeOf } from '../sizes.ts';
import { CHUNK_FLOATS, LANES } from './calls.ts';

/** The next multiple of 16. */
export const padded = (length: number) => Math.ceil(length / LANES) * LANES;

/** The number of floats of a matrix in panels. */
export const panelFloats = (rows: number, columns: number) => rows * padded(columns);

/** The place of a parameter tensor in a packed vector, and its shape for the kernels. */
export interface PackedSlice {
  readonly slice: ParameterSlice;
  readonly gates: number;
  /** Units (outputs) per gate. */
  readonly units: number;
  /** Inputs; 1 for a bias. */
  readonly inputs: number;
  /** Rows of a panel: the inputs, padded unless they are tokens. */
  readonly rows: number;
  /** In floats. */
  readonly offset: number;
}

export interface PackedVector {
  readonly slices: readonly PackedSlice[];
  /** The total number of floats, a multiple of 16. */
  readonly size: number;
}

const plans = new WeakMap<Layout, PackedVector>();

/** The packed form of a layout's parameters. */
export function packedVector(layout: Layout): PackedVector {
  const known = plans.get(layout);
  if (known) return known;
  let offset = 0;
  const slices = parameterSlices(layout).map((slice) => {
    const module = layout[slice.module] as Module;
    const packed = { slice, offset, ...shapeOf(module, slice) };
    offset += sizeOf('weights', { G: packed.gates, H: padded(packed.units), R: packed.rows });
    return packed;
  });
  const plan = { slices, size: offset };
  plans.set(layout, plan);
  return plan;
}

function shapeOf(module: Module, { name, shape }: ParameterSlice) {
  const gates = module.kind === 'recurrent' ? gateCount(module.cell) : 1;
  const [outputs = 0, inputs = 1] = shape;
  // A look-up table is a linear map of one-hot tokens. Its canonical form [V, D] is the transpose of a weight matrix.
  if (module.kind === 'embedding')
    return { gates, units: module.outputSize, inputs: module.vocabularySize, rows: module.vocabularySize };
  const looksUp = name === 'weight_ih' && module.kind === 'recurrent' && module.input === 'tokens';
  const isBias = shape.length === 1;
  return { gates, units: outputs / gates, inputs, rows: isBias ? 1 : looksUp ? inputs : padded(inputs) };
}

/** A module's tensor in a packed vector. */
export function sliceIn({ slices }: PackedVector, module: number, name: ParameterSlice['name']): PackedSlice {
  const found = slices.find(({ slice }) => slice.module === module && slice.name === name);
  if (!found) throw new TypeError(`module ${module} has no ${name}`);
  return found;
}

/** The offset of a module's tensor in a packed vector, in floats. */
export function offsetIn(packed: PackedVector, module: number, name: ParameterSlice['name']): number {
  return sliceIn(packed, module, name).offset;
}

/** For each bias, the index of its first float and that after its last: [first, end, first, end, …]. */
export function biasRanges(layout: Layout): Float64Array {
  const biases = packedVector(layout).slices.filter(({ slice }) => slice.shape.length === 1);
  return Float64Array.from(
    biases.flatMap(({ offset, gates, units }) => [offset, offset + gates * padded(units)]),
  );
}

/** The dimensions of a recurrent module, padded as in the kernels. */
function dimensionsOf({ cell, hiddenSize, input, inputSize }: RecurrentModule) {
  const D = input === 'tokens' ? 0 : padded(inputSize);
  return { G: gateCount(cell), K: cellFacts(cell).kept.length, H: padded(hiddenSize), D };
}

/** Bytes of the tape of a recurrent module. */
export function tapeBytes(module: RecurrentModule, steps: number, rows: number): number {
  return sizeOf('tape', { ...dimensionsOf(module), T: steps, B: rows }) * 4;
}

/** Bytes of scratch memory for a recurrent call. @param packs Whether its factors are packed: bfloat16, int8. */
export function recurrentScratchBytes(
  module: RecurrentModule,
  steps: number,
  rows: number,
  packs: boolean,
): number {
  const sizes = { ...dimensionsOf(module), B: rows, P: Math.ceil((steps * rows) / 2) };
  const packed = packs ? sizeOf('recurrentPacked', sizes) : 0;
  return (sizeOf('recurrentScratch', sizes) + packed) * 4;
}

/** Bytes of scratch memory for a call of a linear map. @param packs Whether its factors are packed: bfloat16, int8. */
export function linearScratchBytes(
  inputSize: number,
  outputSize: number,
  positions: number,
  packs: boolean,
): number {
  const sizes = { H: padded(inputSize), V: padded(outputSize), P: Math.ceil(positions / 2) };
  const packed = packs ? sizeOf('linearPacked', sizes) : 0;
  return (sizeOf('linearScratch', sizes) + packed) * 4;
}

/** Bytes of scratch memory for some sums over each chunk of a vector. */
export const chunkBytes = (floats: number, sums: number) => sums * 8 * Math.ceil(floats / CHUNK_FLOATS);
