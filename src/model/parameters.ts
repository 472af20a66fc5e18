/**
 * The parameters in the order and with the initial values of the original.
 *
 * The original's flat order differs from the engine's canonical one (`engine/layout.ts`) for the gru alone, which it
 * builds from six linear maps a layer: z's two, the candidate's input map, r's two, the candidate's recurrent map.
 */
import { type Cell, cellFacts } from '../engine/cells.ts';
import type { FloatArray, Precision } from '../engine/engine.ts';
import { type Layout, type ParameterSlice, parameterCount, parameterSlices } from '../engine/layout.ts';
import type { MersenneTwister } from '../util/mersenne-twister.ts';

/** Initial parameters are uniform in ± this. */
const INITIAL_RANGE = 0.08;

/** A run of parameters that follow each other in both orders. */
interface Piece {
  readonly offset: number;
  readonly size: number;
}

/** The linear maps of which the original builds a cell, where it takes more than one for each side. */
const ORIGINAL_MAPS: Readonly<Partial<Record<Cell, readonly (readonly ['ih' | 'hh', string])[]>>> = {
  gru: [
    ['ih', 'z'],
    ['hh', 'z'],
    ['ih', 'n'],
    ['ih', 'r'],
    ['hh', 'r'],
    ['hh', 'n'],
  ],
};

/** The canonical runs, in the original's order. */
function originalPieces(layout: Layout): Piece[] {
  const slices = parameterSlices(layout);
  return layout.flatMap((module, index) => {
    const own = slices.filter((slice) => slice.module === index);
    const maps = module.kind === 'recurrent' && ORIGINAL_MAPS[module.cell];
    if (!maps) return own;
    const { gates } = cellFacts(module.cell);
    return maps.flatMap(([side, gate]) =>
      ([`weight_${side}`, `bias_${side}`] as const).map((name): Piece => {
        const slice = own.find((candidate) => candidate.name === name) as ParameterSlice;
        const size = slice.size / gates.length;
        return { offset: slice.offset + gates.indexOf(gate) * size, size };
      }),
    );
  });
}

/** Canonical parameters from the original's flat vector. */
export function fromOriginalOrder<T extends FloatArray>(layout: Layout, flat: T): T {
  const canonical = flat.slice() as T;
  let at = 0;
  for (const { offset, size } of originalPieces(layout)) {
    canonical.set(flat.subarray(at, at + size), offset);
    at += size;
  }
  return canonical;
}

/** The original's flat vector from canonical parameters. */
export function toOriginalOrder<T extends FloatArray>(layout: Layout, canonical: T): T {
  const flat = canonical.slice() as T;
  let at = 0;
  for (const { offset, size } of originalPieces(layout)) {
    flat.set(canonical.subarray(offset, offset + size), at);
    at += size;
  }
  return flat;
}

/**
 * The original's initial parameters, in canonical order; drawn in double, and rounded for float32.
 *
 * Every linear map there first draws weights that are then overwritten, hence the skipped draws. Some input biases start with a
 * value of their own (`CELLS`).
 */
export function initialParameters(
  layout: Layout,
  generator: MersenneTwister,
  precision: Precision = 'float64',
): FloatArray {
  const count = parameterCount(layout);
  generator.skip(count);
  const parameters = precision === 'float64' ? new Float64Array(count) : new Float32Array(count);
  for (const { offset, size } of originalPieces(layout)) {
    for (let i = offset; i < offset + size; i++) {
      parameters[i] = generator.nextUniform() * (2 * INITIAL_RANGE) - INITIAL_RANGE;
    }
  }
  for (const slice of parameterSlices(layout)) {
    const module = layout[slice.module];
    if (module?.kind !== 'recurrent' || slice.name !== 'bias_ih') continue;
    const { gates, initialBias } = cellFacts(module.cell);
    if (!initialBias) continue;
    const at = slice.offset + gates.indexOf(initialBias.gate) * module.hiddenSize;
    parameters.fill(initialBias.value, at, at + module.hiddenSize);
  }
  return parameters;
}
