/**
 * The initial parameters and the parameter order of the original.
 *
 * The original's flat order differs from the engine's canonical one (`engine/layout.ts`) only for the gru. The original builds each gru layer
 * from six linear maps: those of z, the candidate's input map, those of r, the candidate's recurrent map.
 */
import { type Cell, cellFacts } from '../engine/cells.ts';
import type { FloatArray, Precision } from '../engine/engine.ts';
import { type Layout, type ParameterSlice, parameterCount, parameterSlices } from '../engine/layout.ts';
import type { MersenneTwister } from '../util/mersenne-twister.ts';

/** Initial parameters are uniform in ± this, as in the original. Another value changes the results of every seed. */
const INITIAL_RANGE = 0.08;

/** A block of parameters that is contiguous in both orders. */
interface Piece {
  readonly offset: number;
  readonly size: number;
}

/** The linear maps of a cell in the original, if it has more than one for the input or the hidden state. */
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

/** The blocks of the canonical order, in the original's order. */
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
 * The original's initial parameters, in canonical order. They are drawn in double precision, and rounded for float32.
 *
 * In the original, every linear map first draws weights that are then overwritten. So as many draws are skipped here. The input bias of
 * some gates starts with a fixed value instead (`initialBias` in `CELLS`).
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
