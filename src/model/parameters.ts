/**
 * The parameters in the order and with the initial values of the original.
 *
 * The original's flat order differs from the engine's canonical one (`engine/layout.ts`) for the gru alone, which it
 * builds from six linear maps a layer: z's two, the candidate's input map, r's two, the candidate's recurrent map.
 */
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

/** The canonical runs, in the original's order. */
function originalPieces(layout: Layout): Piece[] {
  const slices = parameterSlices(layout);
  return layout.flatMap((module, index) => {
    const own = slices.filter((slice) => slice.module === index);
    if (module.kind !== 'recurrent' || module.cell !== 'gru') return own;
    const part = (name: ParameterSlice['name'], gate: number): Piece => {
      const slice = own.find((candidate) => candidate.name === name) as ParameterSlice;
      return { offset: slice.offset + (gate * slice.size) / 3, size: slice.size / 3 };
    };
    const linear = (side: 'ih' | 'hh', gate: number) => [
      part(`weight_${side}`, gate),
      part(`bias_${side}`, gate),
    ];
    const [z, r, n] = [0, 1, 2];
    return [
      linear('ih', z),
      linear('hh', z),
      linear('ih', n),
      linear('ih', r),
      linear('hh', r),
      linear('hh', n),
    ].flat();
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
 * Every linear map there first draws weights that are then overwritten, hence the skipped draws. The lstm's forget gates
 * start with an input bias of 1.
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
    if (module?.kind !== 'recurrent' || module.cell !== 'lstm' || slice.name !== 'bias_ih') continue;
    const forget = slice.offset + module.hiddenSize;
    parameters.fill(1, forget, forget + module.hiddenSize);
  }
  return parameters;
}
