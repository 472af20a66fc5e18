/**
 * The order of the parameters in the original.
 *
 * The original's flat order differs from the engine's canonical one (`engine/layout.ts`) only for the gru. The original builds each gru layer
 * from six linear maps: those of z, the candidate's input map, those of r, the candidate's recurrent map.
 */
import { type Cell, cellFacts } from '../engine/cells.ts';
import type { FloatArray } from '../engine/engine.ts';
import { type Layout, type ParameterSlice, parameterSlices } from '../engine/layout.ts';

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
export function originalPieces(layout: Layout): Piece[] {
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
