/**
 * How the kernels lay out what the contract speaks of in row-major order (native/kernels/matrix.h).
 *
 * A matrix of R rows and N columns stands in ⌈N/16⌉ panels, each [R][16], with zeros in the columns that are missing from the
 * last. A weight matrix [G·N, K] stands transposed, gate by gate: panels of 16 units, each [K][16].
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

/** Floats that a matrix in panels takes. */
export const panelFloats = (rows: number, columns: number) => rows * padded(columns);

/** Where a parameter tensor stands, in floats, and its shape as the kernels see it. */
export interface PackedSlice {
  readonly slice: ParameterSlice;
  readonly gates: number;
  /** Units (outputs) of a gate. */
  readonly units: number;
  /** Inputs; 1 for a bias. */
  readonly inputs: number;
  /** Rows of a panel: the inputs, padded unless they are tokens. */
  readonly rows: number;
  readonly offset: number;
}

export interface PackedVector {
  readonly slices: readonly PackedSlice[];
  /** Floats in all, a multiple of 16. */
  readonly size: number;
}

const plans = new WeakMap<Layout, PackedVector>();

/** The places of a layout's parameters. */
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
  // A look-up [V, D] is a map from one-hot tokens: its canonical order is the other way round.
  if (module.kind === 'embedding')
    return { gates, units: module.outputSize, inputs: module.vocabularySize, rows: module.vocabularySize };
  const looksUp = name === 'weight_ih' && module.kind === 'recurrent' && module.input === 'tokens';
  const isBias = shape.length === 1;
  return { gates, units: outputs / gates, inputs, rows: isBias ? 1 : looksUp ? inputs : padded(inputs) };
}

/** Where a module's tensor stands in a vector, in floats. */
export function offsetIn(layout: Layout, module: number, name: ParameterSlice['name']): number {
  const found = packedVector(layout).slices.find(
    ({ slice }) => slice.module === module && slice.name === name,
  );
  if (!found) throw new TypeError(`module ${module} has no ${name}`);
  return found.offset;
}

/** The sizes of a recurrent module as the kernels have them. */
function dimensionsOf({ cell, hiddenSize, input, inputSize }: RecurrentModule) {
  const D = input === 'tokens' ? 0 : padded(inputSize);
  return { G: gateCount(cell), K: cellFacts(cell).kept.length, H: padded(hiddenSize), D };
}

/** Floats on the tape of a recurrent module, with room for `slots` steps. */
export function tapeFloats(module: RecurrentModule, slots: number, rows: number): number {
  return sizeOf('tape', { ...dimensionsOf(module), T: slots, B: rows });
}

/** Floats of scratch that a recurrent call needs. */
export function recurrentScratchFloats(module: RecurrentModule, rows: number, masked: boolean): number {
  return sizeOf('recurrentScratch', { ...dimensionsOf(module), B: rows, M: masked ? 2 : 1 });
}

/** Bytes of scratch for sums over the chunks of a vector. */
export const chunkBytes = (floats: number, sums: number) => sums * 8 * Math.ceil(floats / CHUNK_FLOATS);
